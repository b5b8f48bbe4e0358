using Tidemark.Client.Coordination;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

public sealed class ManyConflictsTests
{
    [Fact]
    [Trait("req", "PULL-06")]
    public async Task Thousands_of_rows_that_all_conflict_are_merged_in_one_pull()
    {
        const int rows = 3000;
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        a.Sql($"WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) INSERT INTO note(id, title) SELECT 'n' || i, 'made' FROM n");
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        a.Sql("UPDATE note SET title = 'of a'");
        await a.SyncAsync();
        b.Sql("UPDATE note SET title = 'of b'");
        var report = await b.SyncAsync(SyncMode.PullOnly);
        Assert.Equal(rows, report.Pull.Merged);
        Assert.Equal(rows, report.Pull.Conflicts);
        Assert.Equal(rows, b.Store.EngineSession.Conflicts.Count());
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(rows, a.Count("SELECT count(*) FROM note WHERE title = 'of b'"));
        Steps.AssertEqual(a, b);
    }
}
