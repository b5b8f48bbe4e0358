using System.Net;
using Tidemark.Client.Coordination;
using Tidemark.Client.Coordination.Pacing;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;
using Tidemark.Testing;

namespace Tidemark.Client.Tests.Coordination.Pacing;

/// <summary>Times, back-off and the server's wish belong to the file, not to an instance.</summary>
public sealed class SharedPaceTests
{
    [Fact]
    [Trait("req", "RUN-21")]
    [Trait("req", "RUN-10")]
    public async Task A_pause_the_server_asked_for_is_kept_by_another_process_and_after_a_restart_and_by_sync_now()
    {
        await using var world = await World.StartAsync();
        var time = new VirtualTime();
        var a = Paced(world, world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'kept', NULL, NULL);"), time, "one");
        a.Network.Answer = path => path.EndsWith("/push", StringComparison.Ordinal) ? TooMany("120") : null;
        Assert.Equal(SyncErrorCode.RateLimited, (await a.TrySyncAsync()).Error?.Code);

        var b = Paced(world, world.Open(a.Path), time, "another");
        var refused = await b.Service.SyncNowAsync(TestContext.Current.CancellationToken);
        Assert.Equal((SyncErrorCode.RateLimited, TimeSpan.FromSeconds(120)), (refused.Error!.Code, refused.Error.RetryAfter));
        Assert.Empty(b.Network.Requests);

        await a.RestartAsync(world);
        time.Advance(TimeSpan.FromSeconds(119));
        Assert.Equal(TimeSpan.FromSeconds(1), (await a.TrySyncAsync()).Error!.RetryAfter);
        Assert.Empty(a.Network.Requests);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, (await b.SyncAsync()).Push.Accepted);
        Assert.Equal(0, a.Count("SELECT count(*) FROM _tm_pace"));
    }

    [Theory]
    [InlineData(-7200)]
    [InlineData(7200)]
    [Trait("req", "RUN-21")]
    public async Task A_clock_that_jumps_neither_lengthens_nor_ends_a_pause(int seconds)
    {
        await using var world = await World.StartAsync();
        var time = new VirtualTime();
        var a = Paced(world, world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'kept', NULL, NULL);"), time, "one");
        var isBusy = true;
        a.Network.Answer = path => isBusy && path.EndsWith("/push", StringComparison.Ordinal) ? TooMany("100") : null;
        await a.TrySyncAsync();
        isBusy = false;
        time.SetWall(TimeSpan.FromSeconds(seconds));
        Assert.Equal(TimeSpan.FromSeconds(100), (await a.TrySyncAsync()).Error!.RetryAfter);
        time.Advance(TimeSpan.FromSeconds(100));
        Assert.Equal(1, (await a.SyncAsync()).Push.Accepted);
    }

    [Fact]
    [Trait("req", "RUN-21")]
    public async Task A_pause_that_a_process_sees_first_after_the_clock_was_set_back_is_no_longer_than_it_was()
    {
        await using var world = await World.StartAsync();
        var time = new VirtualTime();
        var a = Paced(world, world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'kept', NULL, NULL);"), time, "one");
        a.Options.Backoff.DelayMaxMs = 1;
        a.Network.Answer = path => path.EndsWith("/push", StringComparison.Ordinal) ? TooMany("100") : null;
        await a.TrySyncAsync();
        time.SetWall(TimeSpan.FromDays(-1));
        var b = Paced(world, world.Open(a.Path), time, "another");
        Assert.InRange((await b.TrySyncAsync()).Error!.RetryAfter!.Value, TimeSpan.FromSeconds(99.9), TimeSpan.FromSeconds(100));
    }

    [Fact]
    [Trait("req", "RUN-21")]
    public async Task A_failure_of_our_own_backs_off_for_every_instance_longer_each_time_and_a_good_run_ends_it()
    {
        await using var world = await World.StartAsync();
        var time = new VirtualTime();
        var a = Paced(world, world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'kept', NULL, NULL);"), time, "one");
        var b = Paced(world, world.Open(a.Path), time, "another");
        a.Network.Decide = _ => Fault.DropRequest;
        for (var failures = 1; failures <= 4; failures++)
        {
            await a.TrySyncAsync();
            var (left, isOfNetwork) = StateOf(b).Backoff();
            Assert.InRange(left, TimeSpan.Zero, TimeSpan.FromSeconds(Math.Pow(2, failures - 1)));
            Assert.True(isOfNetwork || left == TimeSpan.Zero);
            Assert.Equal(failures, a.Count("SELECT failures FROM _tm_pace"));
        }

        Assert.Equal(4, a.Count("SELECT count(*) FROM _tm_history WHERE outcome = 'Failed' AND error_code = 'NETWORK_ERROR'"));
        a.Network.Decide = _ => Fault.None;
        Assert.Equal(SyncOutcome.Done, (await a.SyncAsync()).Outcome); // a person's wish passes it
        Assert.Equal(TimeSpan.Zero, StateOf(b).Backoff().Left);
    }

    [Fact]
    [Trait("req", "RUN-21")]
    [Trait("req", "RUN-12")]
    public async Task An_idle_runs_time_is_known_in_this_process_and_written_with_the_next_real_run()
    {
        await using var world = await World.StartAsync();
        var time = new VirtualTime();
        var a = Paced(world, world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'kept', NULL, NULL);"), time, "one");
        await Steps.UntilQuietAsync(a);
        time.Advance(TimeSpan.FromMinutes(7));
        var version = a.Count("PRAGMA data_version");
        Assert.Equal(SyncOutcome.Idle, (await a.Service.SyncAsync(SyncMode.Full, SyncTriggers.Periodic, null, TestContext.Current.CancellationToken)).Outcome);
        Assert.Equal(version, a.Count("PRAGMA data_version"));
        var other = Paced(world, world.Open(a.Path), time, "one");
        Assert.Equal(time.GetUtcNow(), StateOf(other).LastRuns()[SyncTriggers.Periodic]); // another instance, made anew
        Assert.DoesNotContain(SyncTriggers.Periodic, StateOf(Paced(world, world.Open(a.Path), time, "another")).LastRuns().Keys);
        a.Sql("UPDATE note SET title = 'two'");
        await a.SyncAsync();
        var times = StateOf(Paced(world, world.Open(a.Path), time, "a third")).LastRuns();
        Assert.Equal([SyncTriggers.Periodic, "test"], times.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    [Trait("req", "RUN-12")]
    public async Task A_run_that_failed_before_it_held_the_lock_stands_in_the_history_with_its_phases_as_all_do()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await Steps.UntilQuietAsync(a);
        a.Network.Decide = _ => Fault.DropRequest;
        await a.TrySyncAsync();
        var runs = new HistoryRepository(a.Store.EngineSession.Db).Read(10);
        Assert.Equal(("Failed", "NETWORK_ERROR", "test"), (runs[0].Outcome, runs[0].ErrorCode, runs[0].Trigger));
        Assert.Matches(@"^connect \d+$", runs[0].Phases);
        Assert.Matches(@"^connect \d+, push \d+, pull \d+, apply \d+$", runs[1].Phases);
    }

    private static SyncCoordinationState StateOf(Device device) => new(device.Store, device.Environment, device.Options);

    private static Device Paced(World world, Device device, TimeProvider time, string process)
    {
        (device.Clock, device.ProcessName) = (time, process);
        device.Connect(world);
        return device;
    }

    private static HttpResponseMessage TooMany(string retryAfter)
    {
        var answer = new HttpResponseMessage(HttpStatusCode.TooManyRequests);
        answer.Headers.TryAddWithoutValidation("Retry-After", retryAfter);
        return answer;
    }
}
