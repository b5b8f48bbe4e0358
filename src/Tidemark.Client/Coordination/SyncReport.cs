using Tidemark.Client.Engines.Integrity;
using Tidemark.Client.Engines.Pull;
using Tidemark.Client.Engines.Push;
using Tidemark.Client.Errors;

namespace Tidemark.Client.Coordination;

/// <summary>What a run does.</summary>
public enum SyncMode
{
    Full,
    PushOnly,
    PullOnly,
}

/// <summary>How a run ended.</summary>
public enum SyncOutcome
{
    Done,

    /// <summary>There was nothing to do; nothing was written.</summary>
    Idle,
    Failed,
    Cancelled,
}

/// <summary>What one run came to; also of a run that failed or was cancelled.</summary>
public sealed record SyncReport
{
    public required SyncOutcome Outcome { get; init; }

    public required string Trigger { get; init; }

    public required SyncMode Mode { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    public required TimeSpan Duration { get; init; }

    public required PushReport Push { get; init; }

    public required PullReport Pull { get; init; }

    public IReadOnlyList<IntegrityReport> Integrity { get; init; } = [];

    /// <summary>Rows that wait to be sent after this run.</summary>
    public long Pending { get; init; }

    public long DeadLetters { get; init; }

    /// <summary>Entity types whose rows changed here.</summary>
    public IReadOnlyList<string> ChangedTypes { get; init; } = [];

    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What each phase took.</summary>
    public IReadOnlyList<PhaseTime> Phases { get; init; } = [];

    /// <summary>The full fetch that is complete with this run; null for every other run.</summary>
    public Tidemark.Client.Storage.FullFetch? FullFetch { get; init; }

    /// <summary>The run lock's token it held; null when it held none.</summary>
    internal long? LockToken { get; init; }

    /// <summary>Why the run failed; null when it did not.</summary>
    public SyncException? Error { get; init; }
}
