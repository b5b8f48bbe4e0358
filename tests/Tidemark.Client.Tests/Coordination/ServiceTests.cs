using Tidemark.Client.Coordination;
using Tidemark.Client.Coordination.Announcing;
using Tidemark.Client.Coordination.Pacing;
using Tidemark.Client.Errors;
using Tidemark.Client.Tests.Support;
using Tidemark.Testing;

namespace Tidemark.Client.Tests.Coordination;

/// <summary>A started service: real file, real server, a clock that the test moves.</summary>
public sealed class ServiceTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("req", "RUN-01")]
    [Trait("req", "RUN-06")]
    public async Task A_burst_of_changes_goes_out_as_one_run_two_seconds_after_the_last()
    {
        await using var world = await World.StartAsync();
        await using var service = await Started.AtRestAsync(world);
        foreach (var i in new[] { 1, 2, 3 })
        {
            service.Device.Sql($"INSERT INTO note VALUES('n{i}', '', '', NULL)");
            service.Device.Service.NoteChange();
            await service.Time.UntilTimerAsync(TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2));
            service.Time.Advance(TimeSpan.FromSeconds(1.5));
        }

        service.Runs.AssertNone();
        service.Time.Advance(TimeSpan.FromSeconds(0.5));
        var run = await service.Runs.NextAsync();
        Assert.Equal((SyncTriggers.Change, 3), (run.Trigger, run.Push.Accepted));
        await service.AtRestAgainAsync();
        service.Runs.AssertNone();
    }

    [Fact]
    [Trait("req", "RUN-07")]
    [Trait("req", "RUN-18")]
    public async Task Nothing_starts_before_the_app_is_prepared_and_the_gate_is_open_or_its_time_is_over()
    {
        await using var world = await World.StartAsync();
        foreach (var opens in new[] { true, false })
        {
            var time = new VirtualTime();
            var device = Made(world, "a" + opens, time);
            var isSeeded = new TaskCompletionSource();
            device.Options.Automatic.GateTimeout = TimeSpan.FromSeconds(10);
            device.Options.Automatic.Prepare = async (store, _) =>
            {
                await isSeeded.Task;
                device.Sql("INSERT INTO note VALUES('seed', '', '', NULL)");
            };
            device.Connect(world);
            var runs = new RunLog(device.Service);
            device.Service.Start();
            time.Advance(TimeSpan.FromSeconds(3));
            isSeeded.SetResult();
            await time.UntilTimerAsync(TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(7));
            Assert.Empty(device.Network.Requests);
            if (opens)
            {
                device.Service.OpenStartupGate();
            }
            else
            {
                time.Advance(TimeSpan.FromSeconds(7));
            }

            var run = await runs.NextAsync();
            Assert.Equal((SyncTriggers.Start, true), (run.Trigger, run.Push.Accepted > 0));
            await device.Service.StopAsync();
        }
    }

    [Fact]
    [Trait("req", "RUN-08")]
    public async Task The_interval_follows_the_lifecycle_and_coming_back_syncs()
    {
        await using var world = await World.StartAsync();
        await using var service = await Started.AtRestAsync(world);
        service.Time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal((SyncTriggers.Periodic, SyncOutcome.Idle), (await service.NextAsync()).Of());
        service.Device.Service.SetForeground(isForeground: false);
        await service.Time.UntilTimerAsync(TimeSpan.FromMinutes(29), TimeSpan.FromMinutes(30));
        service.Time.Advance(TimeSpan.FromMinutes(20));
        service.Runs.AssertNone();
        service.Device.Service.SetForeground(isForeground: true);
        Assert.Equal((SyncTriggers.Foreground, SyncOutcome.Idle), (await service.NextAsync()).Of());
    }

    [Fact]
    [Trait("req", "RUN-08")]
    public async Task Without_a_network_nothing_is_tried_and_its_return_syncs()
    {
        await using var world = await World.StartAsync();
        await using var service = await Started.AtRestAsync(world);
        service.Time.Advance(TimeSpan.FromSeconds(40)); // past the throttle
        service.Device.Connectivity.Set(isOnline: false);
        service.Device.Sql("INSERT INTO note VALUES('offline', '', '', NULL)");
        service.Device.Service.NoteChange();
        await Eventually(() => service.Device.Service.Status is { Activity: SyncActivity.Offline, Pending: 1 });
        service.Time.Advance(TimeSpan.FromHours(5));
        service.Runs.AssertNone();
        service.Device.Connectivity.Set(isOnline: true);
        Assert.Equal(1, (await service.NextAsync()).Push.Accepted);
    }

    [Fact]
    [Trait("req", "RUN-01")]
    public async Task Paused_it_does_nothing_by_itself_a_person_may_and_resumed_it_catches_up()
    {
        await using var world = await World.StartAsync();
        await using var service = await Started.AtRestAsync(world);
        service.Device.Service.Pause();
        await Eventually(() => service.Device.Service.Status.Activity == SyncActivity.Paused);
        service.Time.Advance(TimeSpan.FromHours(1));
        service.Runs.AssertNone();
        Assert.Equal((SyncTriggers.User, SyncOutcome.Idle), (await service.Device.Service.SyncNowAsync(Token)).Of());
        await service.Runs.NextAsync();
        service.Time.Advance(TimeSpan.FromHours(1));
        service.Device.Service.Resume();
        Assert.Equal(SyncTriggers.Resume, (await service.NextAsync()).Trigger);
    }

    [Fact]
    [Trait("req", "RUN-01")]
    public async Task Calls_that_overlap_are_one_run_behind_the_one_under_way_and_have_what_was_written_before_them()
    {
        await using var world = await World.StartAsync();
        await using var service = await Started.AtRestAsync(world);
        var (arrived, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        service.Device.Network.BeforeRequest = async _ =>
        {
            arrived.TrySetResult();
            await goOn.Task;
        };
        var first = service.Device.Service.SyncNowAsync(Token);
        await arrived.Task;
        service.Device.Sql("INSERT INTO note VALUES('meanwhile', '', '', NULL)");
        var (second, third) = (service.Device.Service.PushAsync(Token), service.Device.Service.PullAsync(Token));
        goOn.SetResult();
        await first;
        Assert.Same(await second, await third);
        Assert.Equal((SyncMode.Full, 1), ((await second).Mode, (await second).Push.Accepted));
        Assert.Equal(2 + 1, service.Device.Service.Status.Runs);
    }

    [Fact]
    [Trait("req", "RUN-21")]
    public async Task A_service_made_anew_does_not_sync_again_at_once()
    {
        await using var world = await World.StartAsync();
        await using var service = await Started.AtRestAsync(world);
        await service.Device.Service.StopAsync();
        await service.Device.RestartAsync(world);
        var runs = new RunLog(service.Device.Service);
        service.Device.Service.Start();
        await service.Time.UntilTimerAsync(TimeSpan.FromSeconds(29), TimeSpan.FromSeconds(30));
        Assert.Empty(service.Device.Network.Requests);
        service.Time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(SyncTriggers.Start, (await runs.NextAsync()).Trigger);
        await service.Device.Service.StopAsync();
    }

    [Fact]
    [Trait("req", "RUN-10")]
    public async Task A_failed_run_is_repeated_by_itself_with_growing_pauses_until_it_goes_well()
    {
        await using var world = await World.StartAsync();
        await using var service = await Started.AtRestAsync(world);
        service.Device.Network.Decide = _ => Fault.DropRequest;
        var failed = await service.Device.Service.SyncNowAsync(Token);
        await service.Runs.NextAsync();
        Assert.Equal(SyncErrorCode.NetworkError, failed.Error?.Code);
        Assert.Same(failed.Error, service.Device.Service.Status.LastError);
        service.Device.Network.Decide = _ => Fault.None;
        await service.Time.UntilTimerAsync(TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(1));
        service.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((SyncTriggers.Retry, SyncOutcome.Idle), (await service.NextAsync()).Of());
        Assert.Null(service.Device.Service.Status.LastError);
    }

    [Fact]
    [Trait("req", "RUN-23")]
    public async Task A_first_fetch_waits_for_a_network_that_costs_nothing_unless_a_person_asks()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', '', '', NULL);");
        await Steps.UntilQuietAsync(a);
        var time = new VirtualTime();
        var b = world.Clone("b", a);
        b.Clock = time;
        b.Options.Automatic.GateTimeout = TimeSpan.Zero;
        b.Options.Automatic.BulkNeedsUnmetered = true;
        b.Connectivity.Set(isMetered: true);
        b.Connect(world);
        var runs = new RunLog(b.Service);
        b.Service.Start();
        await Eventually(() => b.Service.Status.Activity == SyncActivity.Idle);
        time.Advance(TimeSpan.FromHours(3));
        runs.AssertNone();
        Assert.Empty(b.Network.Requests);
        b.Connectivity.Set(isMetered: false);
        Assert.Equal(1, (await runs.NextAsync()).Pull.Applied);
        await b.Service.StopAsync();
    }

    [Fact]
    [Trait("req", "RUN-08")]
    public async Task A_machine_that_slept_syncs_when_it_wakes_up()
    {
        await using var world = await World.StartAsync();
        await using var service = await Started.AtRestAsync(world);
        service.Time.SetWall(TimeSpan.FromHours(8));
        service.Device.Service.NoteChange(); // any sign of life
        Assert.Equal((SyncTriggers.Foreground, SyncOutcome.Idle), (await service.NextAsync()).Of());
    }

    [Fact]
    [Trait("req", "RUN-23")]
    [Trait("req", "RUN-12")]
    public async Task At_rest_an_interval_costs_one_wake_up_one_request_and_no_write()
    {
        await using var world = await World.StartAsync();
        await using var service = await Started.AtRestAsync(world);
        var (requests, fired, version) = (service.Device.Network.Requests.Count, service.Time.TimersFired, service.Device.Count("PRAGMA data_version"));
        for (var i = 0; i < 12; i++)
        {
            service.Time.Advance(TimeSpan.FromMinutes(5));
            Assert.Equal((SyncTriggers.Periodic, SyncOutcome.Idle), (await service.NextAsync()).Of());
        }

        Assert.Equal(12, service.Device.Network.Requests.Count - requests);
        Assert.Equal(version, service.Device.Count("PRAGMA data_version"));
        Assert.Equal(12, service.Time.TimersFired - fired);
    }

    [Fact]
    [Trait("req", "RUN-23")]
    public async Task An_idle_hour_keeps_no_memory_that_the_hour_before_did_not()
    {
        await using var world = await World.StartAsync();
        await using var service = await Started.AtRestAsync(world);
        await HourAsync(); // Pools and caches fill.

        // Kept by every idle run it would be 24 times in each of these; the test's own notes of requests and runs are a few kilobytes. Other tests of the process hold memory of theirs now and then.
        var grown = new List<long>();
        for (var i = 0; i < 5 && !grown.Exists(g => g < 200_000); i++)
        {
            var before = GC.GetTotalMemory(forceFullCollection: true);
            await HourAsync();
            await HourAsync();
            grown.Add(GC.GetTotalMemory(forceFullCollection: true) - before);
        }

        Assert.Contains(grown, g => g < 200_000);

        async Task HourAsync()
        {
            for (var i = 0; i < 12; i++)
            {
                service.Time.Advance(TimeSpan.FromMinutes(5));
                await service.NextAsync();
            }
        }
    }

    [Fact]
    [Trait("req", "RUN-01")]
    [Trait("req", "RUN-03")]
    public async Task On_a_single_threaded_context_the_callers_thread_is_never_blocked_and_every_event_comes_on_it()
    {
        await using var world = await World.StartAsync();
        var device = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', '', '', NULL);");
        using var ui = new SingleThread();
        var threads = new HashSet<int>();
        var report = await ui.RunAsync(async () =>
        {
            device.Options.Automatic.GateTimeout = TimeSpan.Zero;
            device.Connect(world);
            void Note() => threads.Add(System.Environment.CurrentManagedThreadId);
            device.Service.Status.PropertyChanged += (_, _) => Note();
            device.Service.Completed += (_, _) => Note();
            device.Service.Invalidated += (_, _) => Note();
            device.Network.BeforeRequest = _ =>
            {
                Assert.NotEqual(ui.ThreadId, System.Environment.CurrentManagedThreadId);
                return Task.CompletedTask;
            };
            device.Service.Start();
            var result = await device.Service.SyncNowAsync(Token);
            Assert.Equal(ui.ThreadId, System.Environment.CurrentManagedThreadId);
            await device.Service.StopAsync();
            return result;
        });
        Assert.Null(report.Error);
        await ui.RunAsync(() => Task.FromResult(0)); // what was posted before has been told
        Assert.Equal([ui.ThreadId], threads);
        Assert.InRange(ui.LongestTurn, TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    [Fact]
    [Trait("req", "RUN-05")]
    [Trait("speed", "slow")]
    public async Task A_thousand_starts_stops_and_duplicate_instances_never_run_twice_at_once_and_leave_no_lock()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await Steps.UntilQuietAsync(a);
        var (running, most) = (0, 0);
        async Task Busy(string path)
        {
            if (path.EndsWith("/push", StringComparison.Ordinal))
            {
                most = Math.Max(most, Interlocked.Increment(ref running));
                await Task.Yield();
                Interlocked.Decrement(ref running);
            }
        }

        var duplicates = Enumerable.Range(0, 3).Select(_ => world.Open(a.Path)).ToList();
        for (var cycle = 0; cycle < 334; cycle++) // three instances in each
        {
            a.Sql($"INSERT INTO note VALUES('c{cycle}', '', '', NULL)");
            foreach (var device in duplicates)
            {
                device.Options.Automatic.GateTimeout = TimeSpan.Zero;
                device.Options.Automatic.Throttle = TimeSpan.Zero;
                device.Options.LockWait = TimeSpan.FromSeconds(30);
                device.Connect(world);
                device.Network.BeforeRequest = Busy;
                device.Service.Start();
            }

            // Some are stopped in the middle of whatever they do, some after a run.
            await Task.WhenAll(duplicates.Select(async (d, i) =>
            {
                if ((cycle + i) % 3 == 0)
                {
                    await d.Service.SyncNowAsync(Token);
                }

                await d.Service.StopAsync();
                d.Service.Dispose();
            }));
        }

        Assert.Equal(1, most);
        Assert.True(a.Scalar("SELECT owner FROM _tm_lock").IsNull);
        await Steps.UntilQuietAsync(a);
        Assert.Equal(334, a.Count("SELECT count(*) FROM _tm_row_1"));
        a.AssertQuiet();
    }

    [Fact]
    [Trait("req", "RUN-05")]
    public async Task After_a_hot_reload_the_new_service_waits_for_the_run_that_the_abandoned_one_is_in_the_middle_of()
    {
        await using var world = await World.StartAsync();
        var abandoned = world.Adopt("a", Schemas.Notes);
        await abandoned.SyncAsync();
        var (arrived, goOn, now, most) = (new TaskCompletionSource(), new TaskCompletionSource(), 0, 0);
        async Task PushAsync(string path)
        {
            if (path == "/sync/push")
            {
                most = Math.Max(most, Interlocked.Increment(ref now));
                arrived.TrySetResult();
                await goOn.Task;
                Interlocked.Decrement(ref now);
            }
        }

        abandoned.Network.BeforeRequest = PushAsync;
        abandoned.Sql("INSERT INTO note VALUES('before', '', '', NULL)");
        var first = abandoned.Service.SyncNowAsync(Token);
        await arrived.Task;

        // The app's code is loaded anew: nobody has stopped the first service, and a second one opens the same file in the same process.
        var reloaded = world.Open(abandoned.Path);
        reloaded.Network.BeforeRequest = PushAsync;
        reloaded.Sql("INSERT INTO note VALUES('after', '', '', NULL)");
        reloaded.Service.Start();
        var second = reloaded.Service.SyncNowAsync(Token);
        await Eventually(() => reloaded.Service.Status.Activity == SyncActivity.Running);
        goOn.SetResult();
        Assert.Null((await first).Error);
        Assert.Null((await second).Error);
        await reloaded.Service.StopAsync();
        Assert.Equal(1, most);
        Assert.True(reloaded.Scalar("SELECT owner FROM _tm_lock").IsNull);
        reloaded.AssertQuiet();
    }

    internal static async Task Eventually(Func<bool> holds)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        while (!holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(deadline) < TimeSpan.FromSeconds(30), "It did not come about.");
            await Task.Yield();
        }
    }

    internal static Device Made(World world, string name, VirtualTime time)
    {
        var device = world.Adopt(name, Schemas.Notes + $"INSERT INTO note VALUES('first of {name}', '', '', NULL);");
        device.Clock = time;
        device.Options.Automatic.GateTimeout = TimeSpan.Zero;
        device.Connect(world);
        return device;
    }
}

/// <summary>A started service that has come to rest after its first runs.</summary>
internal sealed class Started(Device device, VirtualTime time) : IAsyncDisposable
{
    public Device Device => device;

    public VirtualTime Time => time;

    public RunLog Runs { get; } = new(device.Service);

    public static async Task<Started> AtRestAsync(World world)
    {
        var time = new VirtualTime();
        var started = new Started(ServiceTests.Made(world, "a", time), time);
        started.Device.Service.Start();
        Assert.Equal(SyncTriggers.Start, (await started.NextAsync()).Trigger);
        return started;
    }

    /// <summary>The next run, and the service waiting again behind it.</summary>
    public async Task<SyncReport> NextAsync()
    {
        var run = await Runs.NextAsync();
        await AtRestAgainAsync();
        return run;
    }

    public Task AtRestAgainAsync() => time.UntilTimerAsync(TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(30));

    public async ValueTask DisposeAsync() => await device.Service.StopAsync();
}

internal static class Reports
{
    public static (string Trigger, SyncOutcome Outcome) Of(this SyncReport report) => (report.Trigger, report.Outcome);
}
