using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Tests.Support;
using Tidemark.Testing.Server;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>What was noted by a clock that was ahead binds nobody once the clock is right.</summary>
public sealed class ClockSetBackTests
{
    [Fact]
    [Trait("req", "RUN-05")]
    public async Task A_run_lock_taken_in_the_far_future_is_taken_over()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE note(id TEXT PRIMARY KEY, text TEXT);");
        var ahead = new RunLock(a.Store.EngineSession.Db, EnvironmentAt(DateTimeOffset.UtcNow.AddDays(200)));
        Assert.NotNull(ahead.TryTake());
        var now = new RunLock(a.Store.EngineSession.Db, EnvironmentAt(DateTimeOffset.UtcNow));
        Assert.Null(now.Holder());
        Assert.NotNull(now.TryTake());
        Assert.NotNull(now.Holder());
    }

    [Fact]
    [Trait("req", "RUN-10")]
    public async Task A_backoff_that_ends_in_the_far_future_is_over()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE note(id TEXT PRIMARY KEY, text TEXT);");
        await a.SyncAsync();
        a.Sql("INSERT INTO note VALUES('n', 'text')");
        a.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropRequest : Fault.None;
        await a.TrySyncAsync(SyncMode.PushOnly);
        a.Network.Decide = _ => Fault.None;
        a.Sql($"UPDATE _tm_command SET status = 'FAILED', next_attempt_at = {DateTimeOffset.UtcNow.AddDays(200).ToUnixTimeMilliseconds()}");
        await a.SyncAsync();
        a.AssertQuiet();
    }

    private static SyncEnvironment EnvironmentAt(DateTimeOffset time) => new()
    {
        Time = new ManualTime { Now = time },
        Random = SyncEnvironment.System.Random,
        Transport = SyncEnvironment.System.Transport,
        ProcessName = SyncEnvironment.System.ProcessName,
        IsAlive = static _ => true,
    };
}
