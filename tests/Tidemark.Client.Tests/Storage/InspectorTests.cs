using Tidemark.Client.Inspection;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Storage;

/// <summary>Looking at a store while a run works on it.</summary>
public sealed class InspectorTests
{
    [Fact]
    [Trait("req", "OPS-11")]
    [Trait("req", "STO-08")]
    public async Task What_a_run_has_not_committed_is_not_shown_and_looking_waits_for_no_run()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE note(id TEXT PRIMARY KEY, title TEXT); INSERT INTO note VALUES('n', 'one')");
        await a.SyncAsync();
        var inspector = new StoreInspector(a.Store);
        var before = (inspector.History(10).Count, inspector.Status().Types[0].Rows);
        var held = new TaskCompletionSource();
        var engine = a.Store.EngineSession;
        var run = a.Store.EngineAsync(
            async () =>
            {
                engine.Db.Execute("BEGIN IMMEDIATE");
                engine.Db.Execute("DELETE FROM _tm_history");
                engine.Db.Execute("INSERT INTO note VALUES('m', 'two')");
                await held.Task;
                engine.Db.Execute("ROLLBACK");
                return true;
            },
            TestContext.Current.CancellationToken);
        Assert.Equal(before, (inspector.History(10).Count, inspector.Status().Types[0].Rows));
        Assert.Empty(inspector.Outbox(10));
        Assert.Empty(inspector.DeadLetters());
        Assert.Equal("one", inspector.Explain("note", "n").Live!["title"].AsText);
        held.SetResult();
        await run;
    }
}
