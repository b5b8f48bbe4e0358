using System.Threading.Channels;
using Tidemark.Client.Coordination;
using Tidemark.Client.Coordination.Announcing;

namespace Tidemark.Client.Tests.Support;

/// <summary>The runs of a service, one after the other.</summary>
internal sealed class RunLog
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private readonly Channel<SyncReport> _runs = Channel.CreateUnbounded<SyncReport>();

    public RunLog(DataSyncService service)
    {
        service.Status.PropertyChanged += (sender, e) =>
        {
            if (e.PropertyName == nameof(SyncStatus.LastReport))
            {
                _runs.Writer.TryWrite(((SyncStatus)sender!).LastReport!);
            }
        };
    }

    /// <summary>The next run that ended, also when that was before the call.</summary>
    public async Task<SyncReport> NextAsync() => await _runs.Reader.ReadAsync().AsTask().WaitAsync(Deadline);

    public void AssertNone() => Assert.False(_runs.Reader.TryRead(out var run), $"an unexpected run: {run}");
}
