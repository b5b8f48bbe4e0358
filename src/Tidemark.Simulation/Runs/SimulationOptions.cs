using Tidemark.Simulation.Checkers;

namespace Tidemark.Simulation.Runs;

/// <summary>What to simulate.</summary>
public sealed record SimulationOptions
{
    /// <summary>The seed of the run; all else follows from it.</summary>
    public required ulong Seed { get; init; }

    /// <summary>How many devices; null: as the seed says, 2 to 5.</summary>
    public int? Devices { get; init; }

    /// <summary>How many steps; null: as the seed says.</summary>
    public int? Steps { get; init; }

    /// <summary>The names of the faults that may strike; null: all. Empty: none.</summary>
    public IReadOnlyList<string>? Faults { get; init; }

    /// <summary>Which workload: what a seed means. Older ones stay as they are, so that their seeds can be replayed.</summary>
    public int Workload { get; init; } = Workloads.Preset;

    /// <summary>Where the files of the run are made, in a folder of their own. Default: memory, where there is a folder for it.</summary>
    public string? Folder { get; init; }

    /// <summary>Leave the files of the run where they are.</summary>
    public bool KeepFiles { get; init; }

    /// <summary>A promise of the caller's own beside all others, made anew for each run.</summary>
    internal Func<IChecker>? Own { get; init; }
}
