namespace Tidemark.Client.Errors;

/// <summary>Trouble of a sync: what kind, and whether the same may succeed later.</summary>
public class SyncException : Exception
{
    public SyncException(SyncErrorCode code, string message, bool retryable = false, Exception? inner = null)
        : base(message, inner)
    {
        Code = code;
        Retryable = retryable;
    }

    public SyncErrorCode Code { get; }

    public bool Retryable { get; }

    /// <summary>How long the server asks to wait; null when it does not say.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The code on the wire, when the server gave one.</summary>
    public string? WireCode { get; init; }
}

/// <summary>Rows on required relations have lost their parents; nothing was committed and no cursor moved.</summary>
public sealed class IntegrityViolationException(IReadOnlyList<string> violations)
    : SyncException(SyncErrorCode.IntegrityViolation, "Required parents are missing; nothing was committed: " + string.Join("; ", violations))
{
    public IReadOnlyList<string> Violations { get; } = violations;
}

/// <summary>The integrity check could not run: integrity unknown, the run was aborted.</summary>
public sealed class IntegrityCheckExecutionException(string relation, Exception inner)
    : SyncException(SyncErrorCode.IntegrityCheckFailed, $"The integrity check of {relation} could not run: {inner.Message}", false, inner);
