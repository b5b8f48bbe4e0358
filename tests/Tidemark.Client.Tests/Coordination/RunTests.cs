using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Values;

namespace Tidemark.Client.Tests.Coordination;

/// <summary>Runs as a whole: lock, report, history, announcement, errors.</summary>
public sealed class RunTests
{
    [Fact]
    [Trait("req", "RUN-05")]
    public async Task A_held_lock_turns_another_run_away_and_a_dead_holder_is_taken_over()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', '', '', NULL);");
        a.Options.LockWait = TimeSpan.Zero;
        var token = new RunLock(a.Store.EngineSession.Db, SyncEnvironment.System).TryTake();
        Assert.NotNull(token);
        var report = await a.TrySyncAsync();
        Assert.Equal(SyncErrorCode.AlreadyRunning, report.Error?.Code);
        Assert.True(report.Error!.Retryable);
        a.Sql("UPDATE _tm_lock SET owner = replace(owner, '/', '/9') WHERE id = 1");
        Assert.Equal(SyncOutcome.Done, (await a.SyncAsync()).Outcome);
        Assert.True(a.Count("SELECT token FROM _tm_lock") > token);
    }

    [Fact]
    [Trait("req", "RUN-05")]
    public async Task A_run_whose_lock_was_taken_over_writes_nothing_more()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', '', '', NULL);");
        a.Network.BeforeAnswer = path =>
        {
            if (path.EndsWith("/push", StringComparison.Ordinal))
            {
                a.Sql("UPDATE _tm_lock SET token = token + 1");
            }

            return Task.CompletedTask;
        };
        Assert.Equal(SyncErrorCode.RunLockLost, (await a.TrySyncAsync()).Error?.Code);
        Assert.Equal(0, a.Count("SELECT count(*) FROM _tm_row_1"));
        a.Network.BeforeAnswer = _ => Task.CompletedTask;
        a.Sql("UPDATE _tm_lock SET owner = NULL");
        await Steps.UntilQuietAsync(a);
        a.AssertQuiet();
    }

    [Fact]
    [Trait("req", "RUN-09")]
    [Trait("req", "RUN-19")]
    public async Task A_failed_run_returns_its_report_with_a_typed_error_and_stands_in_the_history()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', '', '', NULL);");
        a.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropRequest : Fault.None;
        var report = await a.TrySyncAsync();
        Assert.Equal((SyncOutcome.Failed, SyncErrorCode.NetworkError, true), (report.Outcome, report.Error!.Code, report.Error.Retryable));
        Assert.Equal(1, report.Pending);
        Assert.Equal(1, report.Pull.Iterations);
        var entry = new HistoryRepository(a.Store.EngineSession.Db).Read(1)[0];
        Assert.Equal(("Failed", "NETWORK_ERROR", "test"), (entry.Outcome, entry.ErrorCode, entry.Trigger));
        Assert.True(a.Scalar("SELECT owner FROM _tm_lock").IsNull);
    }

    [Fact]
    [Trait("req", "RUN-17")]
    [Trait("req", "PUSH-04")]
    public async Task A_copied_device_file_becomes_a_device_of_its_own_and_nothing_is_lost()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', '', '', NULL);");
        await Steps.UntilQuietAsync(a);
        a.Sql($"VACUUM INTO '{world.File("copy.db")}'");
        var copy = world.Open(world.File("copy.db"));
        a.Sql("INSERT INTO note VALUES('of a', '', '', NULL)");
        copy.Sql("INSERT INTO note VALUES('of copy', '', '', NULL)");
        await a.SyncAsync();
        await Steps.UntilQuietAsync(copy, a);
        Assert.Equal(3, a.Count("SELECT count(*) FROM note"));
        Assert.NotEqual(
            new MetaRepository(a.Store.EngineSession.Db).Text(MetaRepository.DeviceId),
            new MetaRepository(copy.Store.EngineSession.Db).Text(MetaRepository.DeviceId));
        Steps.AssertEqual(a, copy);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    [Trait("req", "CUR-05")]
    public async Task A_server_restored_from_a_backup_gets_its_lost_rows_again_and_new_edits_too()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'old', NULL), (2, 'doomed', NULL);");
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        await world.BackUpServerAsync();
        a.Sql("INSERT INTO author VALUES(3, 'lost', NULL); UPDATE author SET note = 'lost edit' WHERE id = 1; DELETE FROM author WHERE id = 2; INSERT INTO book VALUES(1, 3, 'lost child', NULL)");
        await Steps.UntilQuietAsync(a, b);
        await world.RestoreServerAsync();
        b.Sql("INSERT INTO author VALUES(4, 'after', NULL); UPDATE author SET name = 'edited after' WHERE id = 3");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|old|lost edit", "3|edited after|NULL", "4|after|NULL"], a.Rows("SELECT * FROM author ORDER BY id"));
        Assert.Equal(1, a.Count("SELECT count(*) FROM book"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "STO-16")]
    [Trait("req", "STO-17")]
    public async Task A_table_rebuilt_by_a_migration_while_the_process_runs_loses_no_edit()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('1', 'one', '', NULL), ('2', 'two', '', NULL);");
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("""
            BEGIN;
            CREATE TABLE new_note(id TEXT PRIMARY KEY, title TEXT, body TEXT, slug TEXT UNIQUE);
            INSERT INTO new_note SELECT * FROM note;
            DROP TABLE note;
            ALTER TABLE new_note RENAME TO note;
            COMMIT;
            UPDATE note SET title = 'edited without capture' WHERE id = '1';
            INSERT INTO note VALUES('3', 'made without capture', '', NULL);
            """);
        var report = await a.SyncAsync();
        Assert.Contains(report.Warnings, w => w.Contains("capture was missing", StringComparison.Ordinal));
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|edited without capture", "2|two", "3|made without capture"], b.Rows("SELECT id, title FROM note ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "STO-18")]
    [Trait("req", "RUN-09")]
    public async Task Another_users_token_on_the_same_file_is_refused_and_sends_nothing()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        a.Sql("INSERT INTO note VALUES('secret', '', '', NULL)");
        var eve = world.Open(a.Path, "eve");
        var report = await eve.TrySyncAsync();
        Assert.Equal(SyncErrorCode.WrongUser, report.Error?.Code);
        Assert.Empty(eve.Network.PushBodies);
        Assert.Equal(1, report.Pending);
    }
}
