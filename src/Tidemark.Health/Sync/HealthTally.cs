namespace Tidemark.Health.Sync;

/// <summary>What a call has done so far.</summary>
internal sealed class HealthTally
{
    public long Captured { get; set; }

    public long Applied { get; set; }

    public long Duplicates { get; set; }

    public long Rejected { get; set; }

    public bool Paused { get; set; }

    /// <summary>The server did not answer in this run.</summary>
    public bool IsAway { get; set; }

    public string? Reason { get; set; }
}
