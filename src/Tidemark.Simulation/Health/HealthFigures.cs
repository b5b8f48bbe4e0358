using Tidemark.Health.Sync;
using Tidemark.Model.Health;

namespace Tidemark.Simulation.Health;

/// <summary>How well the plan's targets are met, in virtual time.</summary>
public sealed class HealthFigures
{
    private readonly Dictionary<(Guid Id, long Version), (long At, bool Prompt)> _made = [];
    private readonly HashSet<(Guid Id, long Version)> _arrived = [];

    /// <summary>Batches that were sent right after their capture while there was a network, and how many of them arrived.</summary>
    public long ImmediateTried { get; private set; }

    public long ImmediateDone { get; private set; }

    /// <summary>Samples that were sent right after their announcement, and how long that took them all.</summary>
    public long PromptSamples { get; private set; }

    public TimeSpan PromptTime { get; private set; }

    /// <summary>Samples that arrived later than in their wake, and how many of them within a day.</summary>
    public long LateSamples { get; private set; }

    public long LateWithinDay { get; private set; }

    public long Samples { get; private set; }

    /// <summary>Several runs together.</summary>
    public void Add(HealthFigures other)
    {
        ArgumentNullException.ThrowIfNull(other);
        Samples += other.Samples;
        ImmediateTried += other.ImmediateTried;
        ImmediateDone += other.ImmediateDone;
        PromptSamples += other.PromptSamples;
        PromptTime += other.PromptTime;
        LateSamples += other.LateSamples;
        LateWithinDay += other.LateWithinDay;
    }

    internal bool IsNetworkThere { get; set; } = true;

    internal void Made(HealthSample sample, long at, bool isAnnounced)
    {
        _made.TryAdd((sample.Id, sample.Version), (at, isAnnounced));
        Samples = _made.Count;
    }

    internal void Arrived(Guid id, long version, long at)
    {
        if (!_made.TryGetValue((id, version), out var made) || !_arrived.Add((id, version)))
        {
            return;
        }

        var took = TimeSpan.FromTicks(at - made.At);
        if (made.Prompt && took < TimeSpan.FromMinutes(1))
        {
            PromptSamples++;
            PromptTime += took;
        }
        else
        {
            LateSamples++;
            LateWithinDay += took <= TimeSpan.FromDays(1) ? 1 : 0;
        }
    }

    internal void Take(HealthEvent happened)
    {
        if (happened.Phase == HealthPhase.Immediate && IsNetworkThere)
        {
            ImmediateTried++;
            ImmediateDone += happened.Success ? 1 : 0;
        }
    }
}
