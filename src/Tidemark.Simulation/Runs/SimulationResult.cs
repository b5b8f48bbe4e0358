namespace Tidemark.Simulation.Runs;

/// <summary>What a run came to.</summary>
public sealed record SimulationResult
{
    public required ulong Seed { get; init; }

    /// <summary>The first broken promise; null when all held.</summary>
    public Violation? Violation { get; init; }

    /// <summary>Of the story and of all databases at the end; equal for equal seeds.</summary>
    public required string Digest { get; init; }

    /// <summary>What happened, a line each.</summary>
    public required IReadOnlyList<string> Story { get; init; }

    /// <summary>Which faults struck, and how often.</summary>
    public required IReadOnlyDictionary<string, int> FaultsMet { get; init; }

    public required int DeviceDays { get; init; }

    public required int Steps { get; init; }

    public required int Edits { get; init; }

    public required int Syncs { get; init; }

    public required long Events { get; init; }

    /// <summary>How health data met their targets; null in workloads without.</summary>
    public Health.HealthFigures? Health { get; init; }
}
