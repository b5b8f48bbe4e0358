namespace Tidemark.Client.Engines;

/// <summary>Where a run stands.</summary>
public enum SyncPhase
{
    Connect,
    Push,
    Pull,
    Apply,

    /// <summary>As <see cref="Pull"/>, of everything there is: the first time, or after a resync.</summary>
    FullFetch,

    /// <summary>As <see cref="Apply"/>, of what a full fetch brought.</summary>
    FullApply,
    Done,
}

/// <summary>Progress of a run.</summary>
/// <param name="Phase">What it does.</param>
/// <param name="Rows">Rows or commands done in this phase.</param>
/// <param name="Total">The estimate of all of them; null when unknown.</param>
/// <param name="Bytes">Bytes received in this phase.</param>
public sealed record SyncProgress(SyncPhase Phase, long Rows, long? Total, long Bytes);
