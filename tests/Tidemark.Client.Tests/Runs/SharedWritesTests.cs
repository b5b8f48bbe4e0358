using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Runs;

/// <summary>Writes of the app in the process that syncs.</summary>
public sealed class SharedWritesTests
{
    [Fact]
    [Trait("req", "STO-02")]
    [Trait("speed", "slow")]
    public async Task Writes_of_the_app_and_a_run_wait_for_each_other_in_the_process_and_never_at_the_files_lock()
    {
        await using var world = await World.StartAsync();
        var b = world.Adopt("b", Schemas.Notes + "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO note SELECT printf('n%05d', i), 'title', NULL, NULL FROM n;");
        await b.SyncAsync();
        var a = world.Clone("a", b);
        await a.Store.DisposeAsync();

        // So short that whoever met a held lock would fail at once.
        a.Use(world, LocalStore.Open(a.Path, new StoreOptions { BusyTimeout = TimeSpan.FromMilliseconds(1) }, SyncEnvironment.System));
        a.Options.Pull.SliceMs = 20;
        var written = 0;
        var run = a.TrySyncAsync();
        while (!run.IsCompleted)
        {
            var number = written++;
            await RunAsync(a.Store, $"INSERT INTO note VALUES('app{number}', 'of the app', NULL, NULL)", TestContext.Current.CancellationToken);
        }

        var report = await run;
        Assert.Null(report.Error);
        Assert.True(written > 1, "Nothing was written during the run.");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(written, b.Count("SELECT count(*) FROM note WHERE id LIKE 'app%'"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "STO-01")]
    [Trait("req", "STO-02")]
    public async Task A_work_that_leaves_capture_switched_off_is_rolled_back_and_told_and_others_are_not_touched()
    {
        await using var store = await TestStore.MakeAsync(Schemas.Notes);
        var token = TestContext.Current.CancellationToken;
        var offender = RunAsync(store.Store, "INSERT INTO _tm_guard(held) VALUES(1); INSERT INTO note VALUES('unseen', '', '', NULL)", token);
        var other = RunAsync(store.Store, "INSERT INTO note VALUES('seen', '', '', NULL)", token);
        Assert.Contains("_tm_guard", (await Assert.ThrowsAsync<InvalidOperationException>(() => offender)).Message, StringComparison.Ordinal);
        await other;
        Assert.Equal("seen", (await store.Store.ReadAsync(db => db.Scalar("SELECT group_concat(id) FROM note"), token)).AsText);
        Assert.Equal(1, store.Session.Outbox.ReadLedger().Waiting);

        // Balanced within one work, as an app's own migration might do it.
        await RunAsync(store.Store, "INSERT INTO _tm_guard(held) VALUES(1); DELETE FROM _tm_guard", token);
    }

    private static Task<bool> RunAsync(LocalStore store, string sql, CancellationToken cancellationToken) =>
        store.WriteAsync(
            db =>
            {
                db.Run(sql);
                return true;
            },
            cancellationToken);
}
