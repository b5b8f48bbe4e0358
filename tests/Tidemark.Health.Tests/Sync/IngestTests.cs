using Microsoft.Extensions.Logging;
using Tidemark.Client.Coordination.Scheduling;
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

/// <summary>The app comes and goes, windows open and close, in virtual time.</summary>
public sealed class IngestTests : IAsyncLifetime, IHealthWindows, IHealthDigestSource
{
    private static readonly Caller Ann = new(new UserId("ann"), IsAdministrator: false);
    private readonly TempFolder _folder = new();
    private readonly VirtualTime _time = new();
    private readonly ProgrammableHealthSource _source = new();
    private readonly List<HealthEvent> _events = [];
    private readonly List<HealthWindowRequest> _requests = [];
    private readonly ManualConnectivity _connectivity = new();
    private readonly LogLines _log = new();
    private SqliteHealthStore _serverStore = null!;
    private HealthServer _server = null!;
    private Uploads _network = null!;
    private HealthStore _store = null!;
    private HealthIngest _ingest = null!;
    private int _added;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _serverStore = SqliteHealthStore.Open(_folder.File("server.db"));
        _server = new HealthServer(_serverStore, ServerEnvironment.System);
        _network = new Uploads(_server);
        Reopen(new HealthSyncOptions { PageSamples = 10 });
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _store.Dispose();
        _log.Dispose();
        await _serverStore.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    [Trait("req", "HLT-15")]
    [Trait("req", "HLT-04")]
    public async Task A_window_is_asked_for_when_something_waits_and_never_when_nothing_does()
    {
        Add(5);
        Assert.Equal(HealthOutcome.Done, await Drive(_ingest.AnnounceAsync("StepCount", Cancel)));
        await _ingest.LeaveForegroundAsync();
        Assert.Empty(_requests);
        Assert.Null(_ingest.Status.NextWindow);

        Add(5);
        Lose(3);
        var asked = _time.GetUtcNow();
        Assert.Equal(HealthOutcome.Queued, await Drive(_ingest.AnnounceAsync("StepCount", Cancel)));
        var request = Assert.Single(_requests);
        Assert.Equal((true, false), (request.NeedsNetwork, request.NeedsPower));
        Assert.Equal(TimeSpan.FromMinutes(30), request.Earliest - asked);
        Assert.Equal(request.Earliest, _ingest.Status.NextWindow);
        await _ingest.LeaveForegroundAsync();
        Assert.Single(_requests); // One waits already.

        _time.Advance(TimeSpan.FromMinutes(31));
        Assert.Equal((HealthOutcome.Done, 5L), (await Drive(_ingest.RunWindowAsync(null, Cancel))) is var window ? (window.Outcome, window.Applied) : default);
        Assert.Empty(_requests);
        Assert.Contains("background_success", _events.Select(e => e.Name));
    }

    /// <summary>The platform may end a process at any moment: whatever is captured by then has a window, also when it was captured in one.</summary>
    [Theory]
    [InlineData("wake")]
    [InlineData("window")]
    [Trait("req", "HLT-15")]
    [Trait("req", "HLT-04")]
    public async Task A_window_is_asked_for_before_anything_is_sent_and_taken_back_when_it_arrived(string when)
    {
        Add(5);
        _network.Takes = TimeSpan.FromSeconds(1);
        _network.Time = _time;
        var work = when == "wake" ? _ingest.AnnounceAsync("StepCount", Cancel) : (Task)_ingest.RunWindowAsync(null, Cancel);
        while (_network.Begun == 0)
        {
            Assert.False(work.IsCompleted);
            await Task.Yield();
        }

        Assert.Single(_requests);
        Assert.Equal(0, await Stored());
        await Drive(Ended(work));
        Assert.Equal(5, await Stored());
        Assert.Empty(_requests);

        async Task<bool> Ended(Task task)
        {
            await task;
            return true;
        }
    }

    [Fact]
    [Trait("req", "HLT-04")]
    public async Task A_window_with_something_waiting_asks_for_the_next_one_before_it_works()
    {
        Add(5);
        Lose(3);
        await Drive(_ingest.AnnounceAsync("StepCount", Cancel));
        _requests.Clear();
        _time.Advance(TimeSpan.FromMinutes(31));
        (_network.Takes, _network.Time) = (TimeSpan.FromSeconds(1), _time);
        var window = _ingest.RunWindowAsync(null, Cancel);
        while (_network.Begun < 4)
        {
            await Task.Yield();
        }

        Assert.Single(_requests);
        Assert.Equal(0, await Stored());
        await Drive(window);
        Assert.Empty(_requests);
    }

    [Theory]
    [InlineData("foreground")]
    [InlineData("window")]
    [Trait("req", "HLT-04")]
    public async Task A_request_that_breaks_does_not_end_what_works_off_the_queue(string when)
    {
        Add(50);
        _connectivity.Set(isOnline: false);
        await Drive(_ingest.AnnounceAsync("StepCount", Cancel));
        await Drive(_ingest.EnterForegroundAsync(Cancel));
        _connectivity.Set(isOnline: true);
        _time.Advance(TimeSpan.FromMinutes(31));
        foreach (var fate in (string[])["whole", "lost", "whole", "answer lost", "lost"])
        {
            _network.Next.Enqueue(fate);
        }

        var report = when == "window" ? await Drive(_ingest.RunWindowAsync(null, Cancel)) : (await Drive(_ingest.EnterForegroundAsync(Cancel))).Sync;
        Assert.Equal((HealthOutcome.Done, 0L), (report.Outcome, report.Waiting));
        Assert.Equal(50, await Stored());
    }

    /// <summary>Every window does its part: what one has sent, the next does not send again.</summary>
    [Fact]
    [Trait("req", "HLT-04")]
    public async Task A_window_that_ends_in_the_middle_is_gone_on_with_at_the_next_page()
    {
        Add(100);
        _network.Takes = TimeSpan.FromSeconds(20);
        _network.Time = _time;
        var windows = 0;
        for (; await Stored() < 100; windows++)
        {
            Assert.True(windows < 20);
            await Drive(_ingest.RunWindowAsync(TimeSpan.FromSeconds(50), Cancel));
            Assert.True(await Stored() >= Math.Min(100, (windows + 1) * 20), $"{await Stored()} after window {windows + 1}");
            _time.Advance(TimeSpan.FromMinutes(30));
        }

        Assert.Equal(5, windows);
        Assert.InRange(_network.Sizes.Sum(), 100, 160); // A try that a window cut off is sent again.
    }

    [Fact]
    [Trait("req", "HLT-15")]
    public async Task A_slow_answer_that_an_immediate_try_gives_up_is_waited_for_in_a_window()
    {
        Add(5);
        (_network.Takes, _network.Time) = (TimeSpan.FromSeconds(40), _time);
        Assert.Equal(HealthOutcome.OutOfTime, await Drive(_ingest.AnnounceAsync("StepCount", Cancel)));
        Assert.Equal(0, await Stored());
        _time.Advance(TimeSpan.FromMinutes(31));
        Assert.Equal(HealthOutcome.Done, (await Drive(_ingest.RunWindowAsync(null, Cancel))).Outcome);
        Assert.Equal(5, await Stored());
    }

    [Fact]
    [Trait("req", "HLT-05")]
    public async Task In_the_foreground_what_waits_goes_first_and_does_not_wait_for_its_pauses()
    {
        Add(5);
        Lose(3);
        await Drive(_ingest.AnnounceAsync("StepCount", Cancel));
        Add(3);
        _source.Add(ProgrammableHealthSource.Of("HeartRate", "/min", Ms(-60), 60));
        _events.Clear();
        var report = await Drive(_ingest.EnterForegroundAsync(Cancel));
        Assert.Equal((HealthOutcome.Done, 9L, 0L), (report.Sync.Outcome, report.Sync.Applied, report.Sync.Waiting));
        Assert.Equal([("foreground_success", "StepCount", 5), ("foreground_success", "HeartRate", 1), ("foreground_success", "StepCount", 3)], _events.Select(e => (e.Name, e.Type!, e.Count)));
    }

    /// <summary>A resting heart rate is written a day and a half after its start; nobody announces it, and the anchor does not tell of it.</summary>
    [Fact]
    [Trait("req", "HLT-05")]
    public async Task What_no_anchor_has_told_of_is_found_by_overlap_and_sent_once()
    {
        var hour = Ms(-60);
        _source.Add(ProgrammableHealthSource.Of("RestingHeartRate", "/min", hour, 50));
        await Drive(_ingest.EnterForegroundAsync(Cancel));
        _source.Hide(ProgrammableHealthSource.Of("RestingHeartRate", "/min", Ms(-71 * 60), 51));
        var edge = ProgrammableHealthSource.Of("RestingHeartRate", "/min", Ms(-72 * 60) - 20_000, 52); // Begins before the window and ends in it.
        _source.Hide(edge);
        _source.Hide(ProgrammableHealthSource.Of("RestingHeartRate", "/min", hour, 53, version: 1));
        var report = await Drive(_ingest.EnterForegroundAsync(Cancel));
        Assert.Equal((2, 3L, 0L), (report.Recheck!.Types, report.Recheck.Missed, report.Recheck.Gone));
        Assert.Equal(3, (await _serverStore.ReadAsync(new SpaceId("u:ann"), "RestingHeartRate", 0, long.MaxValue, null, 10, Cancel)).Count);
        Assert.Equal(0, (await Drive(_ingest.EnterForegroundAsync(Cancel))).Recheck!.Missed);
    }

    [Fact]
    [Trait("req", "HLT-05")]
    public async Task What_is_gone_without_a_word_is_deleted_only_when_the_source_vouches_for_the_whole()
    {
        var kept = ProgrammableHealthSource.Of("StepCount", "count", Ms(-60), 1);
        var gone = ProgrammableHealthSource.Of("StepCount", "count", Ms(-50), 1);
        _source.Add(kept);
        _source.Add(gone);
        await Drive(_ingest.EnterForegroundAsync(Cancel));
        _source.Vanish(gone);
        Assert.Equal(0, (await Drive(_ingest.EnterForegroundAsync(Cancel))).Recheck!.Gone);
        Assert.Equal(2, await Stored());
        _source.IsWhole = true;
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, (await Drive(_ingest.EnterForegroundAsync(Cancel))).Recheck!.Gone);
        Assert.Equal(1, await Stored());
    }

    /// <summary>After an anchor has expired the source tells what lives; what was deleted meanwhile is found by comparison, however long the window would be otherwise.</summary>
    [Fact]
    [Trait("req", "HLT-01")]
    [Trait("req", "HLT-05")]
    public async Task What_was_deleted_while_an_anchor_expired_is_deleted_also_when_a_window_had_read_on_since()
    {
        var old = ProgrammableHealthSource.Of("StepCount", "count", Ms(-20 * 24 * 60), 1);
        _source.Add(old);
        _source.Add(ProgrammableHealthSource.Of("StepCount", "count", Ms(-60), 1));
        _source.IsWhole = true;
        await Drive(_ingest.EnterForegroundAsync(Cancel));
        _source.Delete(old);
        _source.Compact();
        Assert.Equal(HealthOutcome.Done, (await Drive(_ingest.RunWindowAsync(null, Cancel))).Outcome);
        Assert.Equal(2, await Stored());
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, (await Drive(_ingest.EnterForegroundAsync(Cancel))).Recheck!.Gone);
        Assert.Equal(1, await Stored());
    }

    [Fact]
    [Trait("req", "HLT-05")]
    [Trait("req", "HLT-16")]
    public async Task After_two_days_the_days_are_compared_with_the_servers_and_what_it_lost_is_sent_again()
    {
        for (var i = 1; i <= 20; i++)
        {
            _source.Add(ProgrammableHealthSource.Of("StepCount", "count", Ms(-i * 60), i));
        }

        await Drive(_ingest.EnterForegroundAsync(Cancel));
        using (var db = SqliteFile.Open(_folder.File("server.db"), new OpenOptions { ForeignKeys = false }))
        {
            db.Run("DELETE FROM _tm_health_sample WHERE value = 3");
        }

        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(0, (await Drive(_ingest.EnterForegroundAsync(Cancel))).Recheck!.Again);
        _time.Advance(TimeSpan.FromHours(48));
        Assert.InRange((await Drive(_ingest.EnterForegroundAsync(Cancel))).Recheck!.Again, 1, 20);
        Assert.Equal(20, await Stored());
        Assert.Contains(_events, e => e is { Name: "foreground_success", Count: >= 1 });
    }

    [Fact]
    [Trait("req", "HLT-14")]
    public async Task The_status_says_of_every_type_why_it_is_silent_and_gets_well_by_itself()
    {
        var raised = new List<string?>();
        _ingest.Status.PropertyChanged += (_, e) => raised.Add(e.PropertyName);
        Add(3);
        _source.Troubles.Enqueue(new HealthSourceException(HealthSourceTrouble.StoreLocked, "The device is locked."));
        await Drive(_ingest.AnnounceAsync("StepCount", Cancel));
        var steps = Assert.Single(_ingest.Status.Types);
        Assert.Equal((HealthTrouble.Locked, "The device is locked.", null), (steps.Trouble, steps.Reason, steps.LookedAt));

        _source.Troubles.Enqueue(new HealthSourceException(HealthSourceTrouble.RateLimited, "Later.", TimeSpan.FromMinutes(5)));
        await Drive(_ingest.AnnounceAsync("StepCount", Cancel));
        Assert.Equal((HealthTrouble.RateLimited, _time.GetUtcNow().AddMinutes(5)), (_ingest.Status.Types[0].Trouble, _ingest.Status.Types[0].Until));

        _connectivity.Set(isOnline: false);
        await Drive(_ingest.AnnounceAsync("StepCount", Cancel));
        steps = Assert.Single(_ingest.Status.Types);
        Assert.Equal((HealthTrouble.NotSent, 3L, 3L), (steps.Trouble, steps.Waiting, steps.Failed));
        Assert.True(_ingest.Status.IsOffline);
        Assert.NotNull(_ingest.Status.NextWindow);
        Assert.Null(_ingest.Status.LastSuccess);

        _connectivity.Set(isOnline: true);
        _source.Add(Bad(50));
        await Drive(_ingest.EnterForegroundAsync(Cancel));
        steps = Assert.Single(_ingest.Status.Types);
        Assert.Equal((HealthTrouble.Rejected, 0L, 1L), (steps.Trouble, steps.Waiting, steps.Rejected));
        Assert.Equal(_time.GetUtcNow(), _ingest.Status.LastSuccess);
        Assert.NotNull(steps.LastSample);
        Assert.Contains(nameof(HealthStatus.Types), raised);

        // It is there after a restart, without another look.
        Reopen(new HealthSyncOptions());
        await _ingest.LeaveForegroundAsync();
        Assert.Equal(steps, Assert.Single(_ingest.Status.Types));
    }

    [Fact]
    [Trait("req", "HLT-17")]
    public async Task Attempts_go_to_the_log_and_the_sink()
    {
        Add(2);
        Lose(3);
        await Drive(_ingest.AnnounceAsync("StepCount", Cancel));
        await Drive(_ingest.EnterForegroundAsync(Cancel));
        Assert.Contains(_log.All, l => l.StartsWith("102 ", StringComparison.Ordinal) && l.Contains("immediate_failed", StringComparison.Ordinal) && l.Contains("No network.", StringComparison.Ordinal));
        Assert.Contains(_log.All, l => l.StartsWith("101 ", StringComparison.Ordinal) && l.Contains("foreground_success: 2 samples of StepCount", StringComparison.Ordinal));
        Assert.Contains(_log.All, l => l.StartsWith("104 ", StringComparison.Ordinal));
        Assert.Equal(["immediate_failed", "foreground_success"], _events.Select(e => e.Name));
    }

    [Fact]
    [Trait("req", "HLT-09")]
    public async Task A_window_waits_for_its_turn_among_everything_else_that_syncs_the_file()
    {
        Reopen(new HealthSyncOptions(), isAlone: false);
        Add(2);
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var other = SyncScheduler.Of(_store.Environment).RunAsync(
            new SyncTask(SyncTaskKind.DataSync, SyncTaskPriority.User, SyncResources.Sqlite) { File = _store.Path }, async (_, token) => { await held.Task.WaitAsync(token); return 0; }, Cancel);
        var window = _ingest.RunWindowAsync(null, Cancel);
        for (var i = 0; i < 50; i++)
        {
            await Task.Yield();
        }

        Assert.False(window.IsCompleted);
        Assert.Equal(0, await Stored());
        held.SetResult();
        await other;
        Assert.Equal(2, (await window).Applied);
    }

    /// <summary>A file of the first format has the new tables when it is opened, and keeps what it had.</summary>
    [Fact]
    [Trait("req", "HLT-03")]
    public async Task A_file_of_format_1_is_brought_to_this_one()
    {
        Add(3);
        Lose(3);
        await Drive(_ingest.AnnounceAsync("StepCount", Cancel));
        _store.Dispose();
        using (var db = SqliteFile.Open(_folder.File("device.db"), new OpenOptions { ForeignKeys = false }))
        {
            foreach (var statement in HealthSchema.Format2.Concat(HealthSchema.Format3).Reverse())
            {
                var words = statement.Split(' ', '(');
                db.Run(words[0] == "ALTER" ? $"ALTER TABLE {words[2]} DROP COLUMN {words[5]}" : $"DROP {words[1]} {words[2]}");
            }

            db.Run("UPDATE _tm_health_meta SET value = 1 WHERE key = 'format'");
        }

        Reopen(new HealthSyncOptions());
        Assert.Equal(3, (await Drive(_ingest.EnterForegroundAsync(Cancel))).Sync.Applied);
    }

    public ValueTask RequestAsync(HealthWindowRequest request, CancellationToken cancellationToken)
    {
        _requests.Add(request);
        return ValueTask.CompletedTask;
    }

    public ValueTask WithdrawAsync(CancellationToken cancellationToken)
    {
        _requests.Clear();
        return ValueTask.CompletedTask;
    }

    public Task<HealthDigests> GetDigestsAsync(string type, CancellationToken cancellationToken) => _server.GetDigestsAsync(Ann, new HealthQuery(type, 0, long.MaxValue / 2), cancellationToken);

    private static HealthSample Bad(int number)
    {
        var bad = ProgrammableHealthSource.Steps(number);
        return new HealthSample { Id = bad.Id, Kind = bad.Kind, Type = bad.Type, StartMs = bad.StartMs, EndMs = bad.StartMs - 1, Value = 1, Unit = "count", Origin = bad.Origin };
    }

    private void Add(int count)
    {
        for (var i = 0; i < count; i++)
        {
            _source.Add(ProgrammableHealthSource.Steps(_added++));
        }
    }

    private void Lose(int requests)
    {
        for (var i = 0; i < requests; i++)
        {
            _network.Next.Enqueue("lost");
        }
    }

    private long Ms(int minutes) => _time.GetUtcNow().AddMinutes(minutes).ToUnixTimeMilliseconds();

    private void Reopen(HealthSyncOptions options, bool isAlone = true)
    {
        _store?.Dispose();
        var environment = new SyncEnvironment
        {
            Time = _time,
            Random = static bytes => bytes.Fill(0x80),
            Transport = static () => throw new NotSupportedException(),
            ProcessName = "one",
            IsAlive = name => name == "one",
            Connectivity = _connectivity,
            Loggers = _log.Factory,
        };
        _store = HealthStore.Open(_folder.File("device.db"), environment, Durability.Off);
        _ingest = new HealthIngest(_store, new HealthSync(_store, _source, _network, "phone", options, environment, _events.Add), environment, this, this, ["StepCount", "RestingHeartRate", "HeartRate"]) { IsAlone = isAlone };
    }

    private async Task<long> Stored() => (await _server.GetDigestsAsync(Ann, new HealthQuery("StepCount", 0, long.MaxValue / 2), Cancel)).Days.Sum(d => d.Samples);

    private Task<T> Drive<T>(Task<T> task) => _time.DriveAsync(task);

    /// <summary>Everything that was logged, with its id in front.</summary>
    private sealed class LogLines : ILoggerProvider, ILogger
    {
        public LogLines() => Factory = LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Trace).AddProvider(this));

        public ILoggerFactory Factory { get; }

        public List<string> All { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (All)
            {
                All.Add($"{eventId.Id} {formatter(state, exception)}");
            }
        }

        public void Dispose()
        {
        }
    }
}
