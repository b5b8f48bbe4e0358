using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Runs;

/// <summary>The frame of a run: lock, order, history, completion.</summary>
public sealed class RunTests
{
    [Fact]
    [Trait("req", "RUN-05")]
    public async Task While_another_instance_syncs_the_file_a_run_says_so_and_goes_on_once_it_has_ended()
    {
        await using var world = await World.StartAsync();
        var first = world.Adopt("a", Schemas.Notes);
        await first.SyncAsync();
        var second = world.Open(first.Path);
        var token = new RunLock(first.Store.EngineSession.Db, SyncEnvironment.System).TryTake();
        Assert.NotNull(token);
        second.Options.LockWait = TimeSpan.Zero;
        second.Sql("INSERT INTO note VALUES('n1', 'one', NULL, NULL)");

        var refused = await second.TrySyncAsync();
        Assert.Equal(SyncErrorCode.AlreadyRunning, refused.Error?.Code);
        Assert.True(refused.Error!.Retryable);
        Assert.Equal(1, refused.Pending);

        RunLock.Release(first.Store.EngineSession.Db, token.Value);
        Assert.Equal(SyncOutcome.Done, (await second.SyncAsync()).Outcome);
    }

    [Fact]
    [Trait("req", "RUN-05")]
    public async Task The_lock_of_a_dead_process_is_taken_over_and_its_token_is_worth_nothing_any_more()
    {
        await using var world = await World.StartAsync();
        var device = world.Adopt("a", Schemas.Notes);
        await device.SyncAsync();
        var db = device.Store.EngineSession.Db;
        var crashed = new RunLock(db, SyncEnvironment.System).TryTake()!.Value;
        Assert.Null(new RunLock(db, SyncEnvironment.System).TryTake());

        var others = new SyncEnvironment
        {
            Time = TimeProvider.System,
            Random = SyncEnvironment.System.Random,
            Transport = SyncEnvironment.System.Transport,
            ProcessName = "another",
            IsAlive = _ => false,
        };
        var heir = new RunLock(db, others).TryTake();
        Assert.True(heir > crashed);
        RunLock.Release(db, crashed);
        Assert.StartsWith("another#", new RunLock(db, SyncEnvironment.System).Holder(), StringComparison.Ordinal);
        RunLock.Release(db, heir!.Value);
        Assert.Null(new RunLock(db, SyncEnvironment.System).Holder());
    }

    [Fact]
    [Trait("req", "RUN-11")]
    public async Task Completion_is_announced_when_history_is_written_and_the_lock_is_free()
    {
        await using var world = await World.StartAsync();
        var device = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', NULL, NULL);");
        string? holder = "not raised";
        HistoryEntry? newest = null;
        device.Service.Completed += (_, _) =>
        {
            var db = device.Store.EngineSession.Db;
            holder = new RunLock(db, SyncEnvironment.System).Holder();
            newest = new HistoryRepository(db).Read(1).Single();
            device.Sql("UPDATE note SET title = 'written by the handler'"); // collides with nothing
        };
        var report = await device.SyncAsync();
        Assert.Null(holder);
        Assert.Equal(report.Push.Accepted, newest?.Pushed);
        Assert.Equal(1, device.Store.EngineSession.Outbox.ReadLedger().Waiting);
    }

    [Fact]
    [Trait("req", "RUN-12")]
    public async Task Runs_with_nothing_to_do_write_nothing_and_are_counted_in_the_next_row()
    {
        await using var world = await World.StartAsync();
        var device = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', NULL, NULL);");
        await Steps.UntilQuietAsync(device);
        device.Sql("UPDATE note SET title = 'two'");
        await device.SyncAsync();
        await Steps.UntilQuietAsync(device);
        var rows = device.Count("SELECT count(*) FROM _tm_history");
        var version = device.Count("PRAGMA data_version");
        for (var i = 0; i < 2; i++)
        {
            device.Network.Requests.Clear();
            Assert.Equal(SyncOutcome.Idle, (await device.SyncAsync()).Outcome);
            Assert.Single(device.Network.Requests);
        }

        Assert.Equal(version, device.Count("PRAGMA data_version"));
        Assert.Equal(rows, device.Count("SELECT count(*) FROM _tm_history"));
        device.Sql("UPDATE note SET title = 'three'");
        await device.SyncAsync();
        var newest = new HistoryRepository(device.Store.EngineSession.Db).Read(1).Single();
        Assert.True(newest.IdleRuns >= 2, $"idle runs: {newest.IdleRuns}");
        Assert.Equal("test", newest.Trigger);
    }

    [Fact]
    [Trait("req", "RUN-19")]
    [Trait("req", "RUN-12")]
    public async Task A_run_whose_pull_fails_reports_its_push_and_leaves_a_defined_state()
    {
        await using var world = await World.StartAsync();
        var device = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', NULL, NULL);");
        device.Network.Decide = path => path.EndsWith("/changes", StringComparison.Ordinal) ? Fault.DropRequest : Fault.None;
        var report = await device.TrySyncAsync();
        Assert.Equal(SyncOutcome.Failed, report.Outcome);
        Assert.Equal(SyncErrorCode.NetworkError, report.Error?.Code);
        Assert.Equal(1, report.Push.Accepted);
        Assert.Equal(0, report.Pending);
        var newest = new HistoryRepository(device.Store.EngineSession.Db).Read(1).Single();
        Assert.Equal(("Failed", "NETWORK_ERROR", 1), (newest.Outcome, newest.ErrorCode, newest.Pushed));
        Assert.Null(new RunLock(device.Store.EngineSession.Db, SyncEnvironment.System).Holder());

        device.Network.Decide = _ => Fault.None;
        await Steps.UntilQuietAsync(device);
        device.AssertQuiet();
    }
}
