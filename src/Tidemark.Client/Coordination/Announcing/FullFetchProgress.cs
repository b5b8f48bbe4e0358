using Tidemark.Client.Engines;

namespace Tidemark.Client.Coordination.Announcing;

/// <summary>Names the phases of a full fetch.</summary>
internal sealed class FullFetchProgress(IProgress<SyncProgress> progress) : IProgress<SyncProgress>
{
    public void Report(SyncProgress value) => progress.Report(value.Phase switch
    {
        SyncPhase.Pull => value with { Phase = SyncPhase.FullFetch },
        SyncPhase.Apply => value with { Phase = SyncPhase.FullApply },
        _ => value,
    });
}
