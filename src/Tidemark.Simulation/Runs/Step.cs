using Tidemark.Simulation.Clock;

namespace Tidemark.Simulation.Runs;

/// <summary>One decision of the plan. All chance in it comes from its own seed, so that leaving out another step does not change this one.</summary>
/// <param name="Number">Its place in the plan.</param>
/// <param name="At">Ticks since the run began.</param>
/// <param name="Kind">The name of its kind.</param>
/// <param name="Device">The number of the device it concerns; taken round when there are fewer.</param>
/// <param name="Seed">Where its chance comes from.</param>
internal sealed record Step(int Number, long At, string Kind, int Device, ulong Seed)
{
    public override string ToString() => $"{Number}:{Kind}@{Device}";
}

/// <summary>A kind of step. Later parts add theirs to <see cref="StepKinds.All"/>.</summary>
internal interface IStepKind
{
    string Name { get; }

    /// <summary>How often it is chosen, against the others.</summary>
    int Weight { get; }

    /// <summary>Faults can be left out by name; the rest is what apps do on a good day.</summary>
    bool IsFault { get; }

    /// <summary>The first workload that has it.</summary>
    int Since { get; }

    void Run(World world, int device, Dice dice);
}
