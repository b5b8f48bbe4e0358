using Tidemark.Client.Errors;

namespace Tidemark.Health.Sync;

/// <summary>What a call has done so far.</summary>
internal sealed class HealthTally(HealthAdmission admission) : IAsyncDisposable
{
    /// <summary>The server's word that bulk work may be done.</summary>
    public HealthAdmission Admission => admission;

    public long Captured { get; set; }

    public long Applied { get; set; }

    public long Duplicates { get; set; }

    public long Rejected { get; set; }

    public bool Paused { get; set; }

    /// <summary>The server did not answer in this run.</summary>
    public bool IsAway { get; set; }

    public string? Reason { get; set; }

    /// <summary>When to come again: bulk work was not admitted, or its admission was lost.</summary>
    public TimeSpan? RetryAfter { get; private set; }

    public void Refused(SyncException refusal)
    {
        (Reason, IsAway) = (refusal.Message, true);
        if (refusal.Code is SyncErrorCode.RateLimited or SyncErrorCode.LeaseLost)
        {
            RetryAfter = refusal.RetryAfter ?? TimeSpan.Zero;
        }
    }

    public ValueTask DisposeAsync() => admission.DisposeAsync();
}
