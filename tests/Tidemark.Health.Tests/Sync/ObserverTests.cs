using Tidemark.Client.Environment;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Health.Sync;
using Tidemark.Model.Health;
using Tidemark.Sqlite;

namespace Tidemark.Health.Tests.Sync;

[Trait("req", "HLT-13")]
public sealed class ObserverTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly VirtualTime _time = new();
    private readonly ProgrammableHealthSource _source = new();
    private readonly Gate _gate = new();
    private readonly HealthStore _store;
    private readonly HealthObserver _observer;

    public ObserverTests()
    {
        var environment = new SyncEnvironment { Time = _time, Random = static b => b.Clear(), Transport = static () => throw new NotSupportedException(), ProcessName = "one", IsAlive = static _ => true };
        _store = HealthStore.Open(_folder.File("device.db"), environment, Durability.Off);
        _observer = new HealthObserver(new HealthSync(_store, _source, _gate, "phone", new HealthSyncOptions(), environment), environment);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Announcements_that_overlap_are_one_run_and_one_more_for_what_came_meanwhile()
    {
        _source.Add(ProgrammableHealthSource.Steps(1));
        var first = _observer.AnnounceAsync("StepCount", Cancel);
        Assert.False(first.IsCompleted);
        _source.Add(ProgrammableHealthSource.Steps(2));
        var others = Enumerable.Range(0, 5).Select(_ => _observer.AnnounceAsync("StepCount", Cancel)).ToList();
        _gate.Open();
        Assert.Equal(HealthOutcome.Done, await first);
        Assert.All(await Task.WhenAll(others), o => Assert.Equal(HealthOutcome.Done, o));
        Assert.Equal([1, 1], _gate.Sizes);
        _source.Add(ProgrammableHealthSource.Steps(3));
        Assert.Equal(HealthOutcome.Done, await _observer.AnnounceAsync("StepCount", Cancel));
        Assert.Equal(3, _gate.Sizes.Count);
    }

    [Fact]
    public async Task A_type_that_is_not_monitored_wakes_nobody()
    {
        Assert.Null(await _observer.AnnounceAsync("BloodGlucose", Cancel));
        Assert.Equal(0, _source.Reads);
        Assert.Contains("HeartRate", HealthTypes.MonitoredByDefault);
    }

    [Fact]
    public async Task A_wake_is_done_within_its_budget_and_what_was_announced_is_captured()
    {
        _source.Add(ProgrammableHealthSource.Steps(1));
        var wake = _observer.AnnounceAsync("StepCount", Cancel);
        while (!wake.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMilliseconds(500));
            await Task.Yield();
        }

        Assert.Equal(HealthOutcome.OutOfTime, await wake);
        Assert.InRange(_time.Elapsed, TimeSpan.FromSeconds(24), TimeSpan.FromSeconds(31));
        Assert.Equal(1, await _store.ReadAsync(() => _store.Queue.Waiting, Cancel));
    }

    /// <summary>A server that answers when the test says so.</summary>
    private sealed class Gate : IHealthUploader
    {
        private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public List<int> Sizes { get; } = [];

        public void Open() => _open.SetResult();

        public async Task<HealthBatchResponse> SendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken)
        {
            await _open.Task.WaitAsync(cancellationToken);
            var count = HealthBatch.Read(batch.Span, 100).Samples.Count;
            Sizes.Add(count);
            return new HealthBatchResponse { Verdicts = [.. Enumerable.Repeat(HealthVerdict.Applied, count)] };
        }
    }
}
