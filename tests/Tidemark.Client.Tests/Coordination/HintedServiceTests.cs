using Tidemark.Client.Coordination;
using Tidemark.Client.Coordination.Announcing;
using Tidemark.Client.Coordination.Pacing;
using Tidemark.Client.Queries;
using Tidemark.Client.Remotes;
using Tidemark.Client.Tests.Queries;
using Tidemark.Client.Tests.Support;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Coordination;

/// <summary>A started service that is told by the server when others have written, on real connections.</summary>
[Trait("req", "RUN-13")]
public sealed class HintedServiceTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_one_device_writes_the_other_has_by_a_hint_and_the_writer_fetches_nothing_for_it()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world);
        var (runsOfA, runsOfB) = (await StartedAsync(a), await StartedAsync(b));
        await using var shown = b.Store.WatchAsync(c => c.Scalar("SELECT group_concat(title) FROM note").ToString(), cancellationToken: Token).GetAsyncEnumerator(Token);
        await shown.MoveNextAsync();
        await a.Store.WriteAsync(c => c.Run("INSERT INTO note(id, title) VALUES('n', 'told')", []), Token);
        var sent = await runsOfA.NextAsync();
        Assert.Equal((SyncTriggers.Change, 1), (sent.Trigger, sent.Push.Accepted));
        var fetched = await runsOfB.NextAsync();
        Assert.Equal((SyncTriggers.Hint, 1), (fetched.Trigger, fetched.Pull.Applied));
        while (shown.Current != "told")
        {
            await shown.MoveNextAsync().AsTask().WaitAsync(Tests.Queries.Watching.Deadline, Token);
        }

        // By now a hint of a's own change would have been there long ago.
        runsOfA.AssertNone();
        await StopAsync(a, b);
    }

    [Fact]
    public async Task The_connection_is_closed_while_paused_or_in_the_background_and_what_moved_meanwhile_is_told_by_the_head()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world);
        var runs = await StartedAsync(b);
        foreach (var (away, back) in new (Action Away, Action Back)[]
        {
            (() => b.Service.SetForeground(false), () => b.Service.SetForeground(true)),
            (b.Service.Pause, b.Service.Resume),
            (() => b.Connectivity.Set(isOnline: false), () => b.Connectivity.Set(isOnline: true)),
        })
        {
            away();
            await ServiceTests.Eventually(() => b.Service.HintState == LiveHintState.Stopped);
            a.Sql("INSERT INTO note(id) VALUES(hex(randomblob(8)))");
            await a.SyncAsync();
            runs.AssertNone();
            back();
            await ServiceTests.Eventually(() => b.Service.HintState == LiveHintState.Live);
            SyncReport run;
            do
            {
                run = await runs.NextAsync();
            }
            while (run.Pull.Applied == 0);
        }

        await StopAsync(b);
        Assert.Equal(LiveHintState.Stopped, b.Service.HintState);
        Assert.Equal(3, b.Count("SELECT count(*) FROM note"));
    }

    [Fact]
    [Trait("req", "RUN-21")]
    public async Task A_service_made_anew_takes_the_head_that_is_known_for_no_news()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world);
        b.Options.Automatic.Throttle = TimeSpan.FromMinutes(10);
        b.Connect(world);
        var runs = new RunLog(b.Service);
        b.Service.Start();
        await ServiceTests.Eventually(() => b.Service.HintState == LiveHintState.Live);
        a.Sql("INSERT INTO note(id) VALUES('n')");
        await a.SyncAsync();
        var run = await runs.NextAsync();
        Assert.Equal((SyncTriggers.Hint, 1), (run.Trigger, run.Pull.Applied)); // The first one: neither the start nor the known head made one.
        await StopAsync(b);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task A_server_that_stands_before_its_own_hints_makes_no_runs_without_end()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world);
        var hints = new HintsByHand();
        b.Options.Automatic.Hints = hints;
        var runs = await StartedAsync(b);
        await hints.SayAsync(long.MaxValue);
        Assert.Equal(SyncTriggers.Hint, (await runs.NextAsync()).Trigger);
        await ServiceTests.Eventually(() => b.Service.Status.Activity == SyncActivity.Idle);
        await hints.SayAsync(long.MaxValue); // Twice, and late: no news.
        a.Sql("INSERT INTO note(id) VALUES('n')");
        await a.SyncAsync();
        runs.AssertNone();
        Assert.Equal(1, (await b.Service.SyncNowAsync(Token)).Pull.Applied); // What no hint told of costs freshness only.
        await StopAsync(b);
    }

    [Fact]
    public async Task Trouble_of_the_hints_source_is_no_trouble_of_the_sync()
    {
        await using var world = await World.StartAsync();
        var (_, b) = await TwoAsync(world);
        b.Options.Automatic.Hints = new HintsByHand { Trouble = new InvalidOperationException("Broken by the test.") };
        await StartedAsync(b, isLive: false);
        Assert.Null((await b.Service.SyncNowAsync(Token)).Error);
        await StopAsync(b);
    }

    private static async Task<(Device A, Device B)> TwoAsync(World world)
    {
        var a = world.Adopt("a", Schemas.Notes);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        foreach (var device in new[] { a, b })
        {
            var options = device.Options.Automatic;
            (options.FollowsHints, options.GateTimeout, options.Throttle) = (true, TimeSpan.Zero, TimeSpan.Zero);
            (options.Quiet, options.QuietMax) = (TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(100));
            device.WatchFile = Client.Environment.SyncEnvironment.System.WatchFile;
            options.HintConnection.Backoff = new Backoff { FirstDelayMs = 5, DelayMaxMs = 50 };
        }

        return (a, b);
    }

    private static async Task<RunLog> StartedAsync(Device device, bool isLive = true)
    {
        device.Connect(device.World);
        var runs = new RunLog(device.Service);
        device.Service.Start();
        Assert.Equal(SyncTriggers.Start, (await runs.NextAsync()).Trigger);
        await ServiceTests.Eventually(() => !isLive || device.Service.HintState == LiveHintState.Live);
        return runs;
    }

    private static Task StopAsync(params Device[] devices) => Task.WhenAll(devices.Select(d => d.Service.StopAsync()));

    private sealed class HintsByHand : ILiveHints
    {
        private readonly TaskCompletionSource<Action<LiveHint>> _hinted = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public event EventHandler? StateChanged;

        public LiveHintState State { get; private set; }

        public Exception? Trouble { get; init; }

        public async Task SayAsync(long position) => (await _hinted.Task)(new LiveHint("u:ann", position));

        public async Task RunAsync(Action<LiveHint> hinted, CancellationToken cancellationToken)
        {
            if (Trouble is { } trouble)
            {
                throw trouble;
            }

            State = LiveHintState.Live;
            StateChanged?.Invoke(this, EventArgs.Empty);
            _hinted.SetResult(hinted);
            await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            State = LiveHintState.Stopped;
        }
    }
}
