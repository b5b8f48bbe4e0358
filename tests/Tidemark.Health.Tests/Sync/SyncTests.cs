using Tidemark.Client.Environment;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Health.Sync;
using Tidemark.Model.Health;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Health;
using Tidemark.Server.Sqlite.Health;
using Tidemark.Sqlite;

namespace Tidemark.Health.Tests.Sync;

public sealed class SyncTests : IAsyncLifetime
{
    private static readonly Caller Ann = new(new UserId("ann"), IsAdministrator: false);
    private static readonly HealthQuery AllSteps = new("StepCount", 0, long.MaxValue / 2);
    private readonly TempFolder _folder = new();
    private readonly VirtualTime _time = new();
    private readonly ProgrammableHealthSource _source = new();
    private readonly List<HealthEvent> _events = [];
    private SqliteHealthStore _serverStore = null!;
    private HealthServer _server = null!;
    private Uploads _network = null!;
    private HealthStore _store = null!;
    private string _process = "one";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _serverStore = SqliteHealthStore.Open(_folder.File("server.db"));
        _server = new HealthServer(_serverStore, ServerEnvironment.System);
        _network = new Uploads(_server);
        Reopen();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _store.Dispose();
        await _serverStore.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    [Trait("req", "HLT-02")]
    [Trait("req", "HLT-08")]
    [Trait("req", "HLT-17")]
    public async Task A_change_is_captured_sent_and_acknowledged_and_leaves_no_item_behind()
    {
        Add(5);
        var report = await Drive(Sync().SendNowAsync("StepCount", Cancel));
        Assert.Equal((HealthOutcome.Done, 5L, 5L, 0L), (report.Outcome, report.Captured, report.Applied, report.Waiting));
        Assert.Empty(await Counts());
        Assert.Equal(await Anchor(acknowledged: false), await Anchor(acknowledged: true));
        var told = Assert.Single(_events);
        Assert.Equal(("immediate_success", "StepCount", 5, 0, false), (told.Name, told.Type, told.Count, told.Retries, told.Queued));
    }

    [Fact]
    [Trait("req", "HLT-02")]
    public async Task Tries_begin_at_0_1_and_3_seconds_and_then_the_page_waits_in_the_queue()
    {
        Add(5);
        for (var i = 0; i < 3; i++)
        {
            _network.Next.Enqueue("lost");
        }

        var report = await Drive(Sync().SendNowAsync("StepCount", Cancel));
        Assert.Equal((HealthOutcome.Queued, 5L, 0L, 5L), (report.Outcome, report.Captured, report.Applied, report.Waiting));
        Assert.InRange(_time.Elapsed, TimeSpan.FromSeconds(3.9), TimeSpan.FromSeconds(4.5));
        Assert.NotNull(await Anchor(acknowledged: false));
        Assert.Null(await Anchor(acknowledged: true));
        Assert.Equal(("immediate_failed", 2, true), (_events[0].Name, _events[0].Retries, _events[0].Queued));
    }

    /// <summary>Three tries of ten seconds would be over the thirty that a phone gives.</summary>
    [Fact]
    [Trait("req", "HLT-02")]
    public async Task A_server_that_says_nothing_takes_no_more_than_the_deadline()
    {
        Add(5);
        for (var i = 0; i < 9; i++)
        {
            _network.Next.Enqueue("silent");
        }

        var report = await Drive(Sync().SendNowAsync("StepCount", Cancel));
        Assert.Equal((HealthOutcome.OutOfTime, 5L), (report.Outcome, report.Waiting));
        Assert.InRange(_time.Elapsed, TimeSpan.FromSeconds(24), TimeSpan.FromSeconds(26));
        _network.Next.Clear();
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(5, (await Drive(Sync().DrainAsync(HealthPhase.Background, Cancel))).Applied);
    }

    [Fact]
    [Trait("req", "HLT-02")]
    [Trait("req", "HLT-06")]
    public async Task An_answer_that_was_lost_is_asked_for_again_and_nothing_is_stored_twice()
    {
        Add(5);
        _network.Next.Enqueue("answer lost");
        var report = await Drive(Sync().SendNowAsync("StepCount", Cancel));
        Assert.Equal((HealthOutcome.Done, 0L, 5L), (report.Outcome, report.Applied, report.Duplicates));
        Assert.Equal(5, await Stored());
    }

    [Fact]
    [Trait("req", "HLT-03")]
    public async Task Items_wait_longer_after_each_try_and_are_kept_for_seven_days_when_they_are_done()
    {
        Add(3);
        for (var i = 0; i < 6; i++)
        {
            _network.Next.Enqueue("lost");
        }

        await Drive(Sync().SendNowAsync("StepCount", Cancel));
        Assert.Equal(0, (await Drive(Sync().DrainAsync(HealthPhase.Foreground, Cancel))).Applied);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(HealthOutcome.Queued, (await Drive(Sync().DrainAsync(HealthPhase.Foreground, Cancel))).Outcome);
        var due = await _store.ReadAsync(() => _store.Queue.NextDue(), Cancel);
        Assert.InRange(TimeSpan.FromMilliseconds(due!.Value - _time.GetUtcNow().ToUnixTimeMilliseconds()), TimeSpan.FromSeconds(2.9), TimeSpan.FromSeconds(5.1));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(3, (await Drive(Sync().DrainAsync(HealthPhase.Background, Cancel))).Applied);
        Assert.Equal([new QueueCount("StepCount", QueueStatus.Uploaded, 3)], await Counts());
        Assert.Equal(await Anchor(acknowledged: false), await Anchor(acknowledged: true));
        _time.Advance(TimeSpan.FromDays(6));
        await Drive(Sync().RunAsync(null, Cancel));
        Assert.NotEmpty(await Counts());
        _time.Advance(TimeSpan.FromDays(2));
        await Drive(Sync().RunAsync(null, Cancel));
        Assert.Empty(await Counts());
    }

    [Fact]
    [Trait("req", "HLT-03")]
    public async Task A_full_queue_takes_no_more_and_loses_nothing()
    {
        Add(50);
        var options = new HealthSyncOptions { QueueItemsMax = 20, PageSamples = 8, ImmediateTries = [TimeSpan.Zero] };
        for (var i = 0; i < 6; i++)
        {
            _network.Next.Enqueue("lost");
            await Drive(Sync(options).SendNowAsync("StepCount", Cancel));
        }

        Assert.Equal(20, await _store.ReadAsync(() => _store.Queue.Waiting, Cancel));
        Assert.Equal(HealthOutcome.QueueFull, (await Drive(Sync(options).SendNowAsync("StepCount", Cancel))).Outcome);
        _network.Next.Clear();
        _time.Advance(TimeSpan.FromMinutes(10));
        var report = await Drive(Sync(options).RunAsync(null, Cancel));
        Assert.Equal((HealthOutcome.Done, 0L), (report.Outcome, report.Waiting));
        Assert.Equal(50, await Stored());
    }

    [Fact]
    [Trait("req", "HLT-03")]
    [Trait("req", "HLT-09")]
    public async Task What_a_dead_process_had_claimed_is_sent_by_the_next()
    {
        Add(5);
        for (var i = 0; i < 3; i++)
        {
            _network.Next.Enqueue("lost");
        }

        await Drive(Sync().SendNowAsync("StepCount", Cancel));
        _time.Advance(TimeSpan.FromMinutes(1));
        var claimed = await _store.WriteAsync(() => _store.Queue.Claim(null, 100, TimeSpan.FromMinutes(2)), Cancel);
        Assert.Equal(5, claimed.Count);
        Assert.Equal(0, (await Drive(Sync().DrainAsync(HealthPhase.Foreground, Cancel))).Applied);
        _process = "two";
        Reopen();
        Assert.Equal(5, (await Drive(Sync().DrainAsync(HealthPhase.Foreground, Cancel))).Applied);
        Assert.Equal(5, await Stored());
    }

    /// <summary>Pages end in another order than they began: the acknowledged anchor waits for the first, and never moves back.</summary>
    [Fact]
    [Trait("req", "HLT-02")]
    public async Task The_acknowledged_anchor_is_after_the_last_page_without_a_gap()
    {
        Add(6);
        var pages = new List<List<QueueItem>>();
        for (var i = 0; i < 3; i++)
        {
            var from = await Anchor(acknowledged: false);
            var page = await _source.ReadAsync("StepCount", from, 2, Cancel);
            var number = await _store.WriteAsync(() => _store.Queue.Capture(_source.Name, "StepCount", from, page, 0), Cancel);
            pages.Add(await _store.WriteAsync(() => _store.Queue.Claim(number, 10, TimeSpan.FromMinutes(2)), Cancel));
        }

        await Settle(pages[2]);
        Assert.Null(await Anchor(acknowledged: true));
        await Settle(pages[0]);
        Assert.Equal(2, Number(await Anchor(acknowledged: true)));
        await Settle(pages[1]);
        Assert.Equal(6, Number(await Anchor(acknowledged: true)));
    }

    [Fact]
    [Trait("req", "HLT-02")]
    public async Task Two_captures_at_once_take_a_page_once()
    {
        Add(4);
        var page = await _source.ReadAsync("StepCount", null, 10, Cancel);
        Assert.NotNull(await _store.WriteAsync(() => _store.Queue.Capture(_source.Name, "StepCount", null, page, 0), Cancel));
        Assert.Null(await _store.WriteAsync(() => _store.Queue.Capture(_source.Name, "StepCount", null, page, 0), Cancel));
        Assert.Equal(4, await _store.ReadAsync(() => _store.Queue.Waiting, Cancel));
    }

    [Theory]
    [InlineData(HealthSourceTrouble.StoreLocked)]
    [InlineData(HealthSourceTrouble.RateLimited)]
    [InlineData(HealthSourceTrouble.PermissionUnknown)]
    [Trait("req", "HLT-01")]
    public async Task A_source_that_cannot_be_read_moves_nothing(HealthSourceTrouble trouble)
    {
        Add(3);
        await Drive(Sync().RunAsync(null, Cancel));
        var before = await Anchor(acknowledged: false);
        Add(3);
        _source.Troubles.Enqueue(new HealthSourceException(trouble, "Not now."));
        var report = await Drive(Sync().RunAsync(null, Cancel));
        Assert.Equal((HealthOutcome.Paused, "Not now."), (report.Outcome, report.Reason));
        Assert.Equal(before, await Anchor(acknowledged: false));
        Assert.Equal(3, (await Drive(Sync().RunAsync(null, Cancel))).Applied);
    }

    [Fact]
    [Trait("req", "HLT-01")]
    public async Task An_expired_anchor_is_read_again_from_the_beginning_and_nothing_is_stored_twice()
    {
        Add(5);
        await Drive(Sync().RunAsync(null, Cancel));
        Add(2);
        _source.ForgottenBefore = 100;
        var report = await Drive(Sync().RunAsync(null, Cancel));
        Assert.Equal((HealthOutcome.Done, 2L, 5L), (report.Outcome, report.Applied, report.Duplicates));
        Assert.Equal(7, await Stored());
    }

    [Fact]
    [Trait("req", "HLT-01")]
    [Trait("req", "HLT-06")]
    public async Task Deletions_and_corrections_reach_the_server_in_whatever_order_they_are_sent()
    {
        Add(3);
        _source.Delete(ProgrammableHealthSource.Steps(0));
        _source.Add(ProgrammableHealthSource.Steps(1, 99, version: 1));
        Assert.Equal(HealthOutcome.Done, (await Drive(Sync().RunAsync(null, Cancel))).Outcome);
        var samples = await _serverStore.ReadAsync(new SpaceId("u:ann"), "StepCount", 0, long.MaxValue / 2, null, 10, Cancel);
        Assert.Equal([99.0, 10.0], samples.Select(s => s.Value!.Value));

        // The first sample again, as another device has it that knows nothing of the deletion.
        _source.Add(ProgrammableHealthSource.Steps(0));
        Assert.Equal(1, (await Drive(Sync().RunAsync(null, Cancel))).Duplicates);
        Assert.Equal(2, await Stored());
    }

    [Fact]
    [Trait("req", "HLT-06")]
    public async Task A_sample_that_the_server_refuses_is_kept_with_its_reason_and_holds_up_none_of_the_others()
    {
        Add(2);
        var bad = ProgrammableHealthSource.Steps(7);
        _source.Add(new HealthSample { Id = bad.Id, Kind = bad.Kind, Type = bad.Type, StartMs = bad.StartMs, EndMs = bad.StartMs - 1, Value = 1, Unit = "count", Origin = bad.Origin });
        Add(2, from: 10);
        var report = await Drive(Sync().RunAsync(null, Cancel));
        Assert.Equal((4L, 1L, 0L), (report.Applied, report.Rejected, report.Waiting));
        var rejected = Assert.Single(await _store.ReadAsync(() => _store.Queue.Rejected(10), Cancel));
        Assert.Contains("end is before the start", rejected.Reason, StringComparison.Ordinal);
        Assert.Equal(await Anchor(acknowledged: false), await Anchor(acknowledged: true));
        Assert.Equal(1, await Sync().RetryAsync(null, Cancel));
        Assert.Equal(1, (await Drive(Sync().RunAsync(null, Cancel))).Rejected);
    }

    [Fact]
    [Trait("req", "HLT-17")]
    public void Options_that_cannot_work_are_all_named_at_once()
    {
        var e = Assert.Throws<InvalidOperationException>(() => new HealthSyncOptions { PageSamples = 0, TryTimeout = TimeSpan.Zero, ImmediateTries = [] }.Validate());
        Assert.Contains("PageSamples", e.Message, StringComparison.Ordinal);
        Assert.Contains("TryTimeout", e.Message, StringComparison.Ordinal);
        Assert.Contains("ImmediateTries", e.Message, StringComparison.Ordinal);
        new HealthSyncOptions().Validate();
    }

    private void Add(int count, int from = -1)
    {
        from = from < 0 ? _added : from;
        for (var i = 0; i < count; i++)
        {
            _source.Add(ProgrammableHealthSource.Steps(from + i));
        }

        _added += count;
    }

    private int _added;

    private HealthSync Sync(HealthSyncOptions? options = null) => new(_store, _source, _network, "phone", options ?? new HealthSyncOptions(), _store.Environment, _events.Add);

    private void Reopen()
    {
        _store?.Dispose();
        var process = _process;
        _store = HealthStore.Open(_folder.File("device.db"), new SyncEnvironment
        {
            Time = _time,
            Random = static bytes => bytes.Fill(0x80),
            Transport = static () => throw new NotSupportedException(),
            ProcessName = process,
            IsAlive = name => name == process,
        }, Durability.Off);
    }

    private Task<List<QueueCount>> Counts() => _store.ReadAsync(() => _store.Queue.Counts(), Cancel);

    private Task<HealthAnchor?> Anchor(bool acknowledged) => _store.ReadAsync(() => acknowledged ? _store.Queue.Acknowledged(_source.Name, "StepCount") : _store.Queue.Captured(_source.Name, "StepCount"), Cancel);

    private static long Number(HealthAnchor? anchor) => System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(anchor!.Bytes.Span);

    private Task<bool> Settle(List<QueueItem> items) => _store.WriteAsync(
        () =>
        {
            _store.Queue.Settle(items, _ => null, keep: false);
            return true;
        },
        Cancel);

    private async Task<long> Stored() => (await _server.GetDigestsAsync(Ann, AllSteps, Cancel)).Days.Sum(d => d.Samples);

    private Task<T> Drive<T>(Task<T> task) => _time.DriveAsync(task);
}
