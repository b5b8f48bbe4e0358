using Tidemark.Client.Coordination;
using Tidemark.Client.Tests.Support;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>A device that was away for longer than deletions are remembered is told of everything there is.</summary>
public sealed class ListedAnewTests
{
    private const string Schema = """
        CREATE TABLE note(id TEXT PRIMARY KEY, title TEXT);
        CREATE TABLE pin(id TEXT PRIMARY KEY, note_id TEXT REFERENCES note(id) ON DELETE SET NULL);
        """;

    [Theory]
    [Trait("req", "PULL-10")]
    [Trait("req", "PULL-08")]
    [InlineData(1000)]
    [InlineData(2)]
    public async Task A_row_that_changes_while_its_space_is_listed_is_not_taken_for_gone(int pagesOfRun)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schema);
        var b = world.Clone("b", a);
        for (var i = 1; i <= 12; i++)
        {
            a.Sql($"INSERT INTO note VALUES('n{i:00}', 'first')");
            await a.SyncAsync();
        }

        await Steps.UntilQuietAsync(a, b);
        a.Sql("DELETE FROM note WHERE id = 'n12'");
        await a.SyncAsync();
        await ForgetDeletionsAsync(world, "note");
        b.Sql("INSERT INTO pin VALUES('p', 'n09')");
        b.Options.Pull.PageRowsMax = 4;
        b.Options.Pull.IterationsMax = pagesOfRun;
        var pages = 0;
        b.Network.BeforeAnswer = async path =>
        {
            if (path.EndsWith("/changes", StringComparison.Ordinal) && ++pages is 2 or 4)
            {
                a.Sql($"UPDATE note SET title = 'page {pages}' WHERE id IN ('n09', 'n10')");
                await a.SyncAsync();
            }
        };
        for (var i = 0; i < 4; i++)
        {
            await b.SyncAsync(SyncMode.PullOnly);
            Assert.Equal(["n09", "n10"], b.Rows("SELECT id FROM note WHERE id IN ('n09', 'n10')"));
        }

        Assert.True(pages > 3);
        Assert.Equal(["n09|page 4", "n11|first"], b.Rows("SELECT * FROM note WHERE id IN ('n09', 'n11', 'n12')"));
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["p|n09"], a.Rows("SELECT * FROM pin"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [Trait("req", "PULL-10")]
    [InlineData(SyncMode.Full)]
    [InlineData(SyncMode.PullOnly)]
    public async Task A_server_that_is_restored_before_its_listing_begins_is_offered_what_it_lost(SyncMode next)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schema + "INSERT INTO note VALUES('n0', 'deleted');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        await world.BackUpServerAsync();
        a.Sql("INSERT INTO note VALUES('n1', 'lost')");
        await Steps.UntilQuietAsync(a, b);
        a.Sql("DELETE FROM note WHERE id = 'n0'");
        await a.SyncAsync();
        await ForgetDeletionsAsync(world, "note");
        var requests = 0;
        b.Network.Decide = path => path.EndsWith("/changes", StringComparison.Ordinal) && ++requests > 2 ? Fault.DropRequest : Fault.None;
        await b.TrySyncAsync(SyncMode.PullOnly);
        Assert.True(requests > 2);
        b.Network.Decide = _ => Fault.None;
        await world.RestoreServerAsync();
        b.Sql("INSERT INTO note VALUES('n2', 'new')");
        await b.TrySyncAsync(next);
        await Steps.UntilQuietAsync(b);
        var c = world.Clone("c", b);
        await Steps.UntilQuietAsync(b, c);
        Assert.Equal(["n1|lost", "n2|new"], c.Rows("SELECT * FROM note WHERE id <> 'n0' ORDER BY id"));
        Steps.AssertEqual(b, c);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    [Trait("req", "PULL-05")]
    public async Task A_row_that_was_put_aside_and_deleted_there_waits_no_more()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE thing(id INTEGER PRIMARY KEY, code TEXT UNIQUE);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO thing VALUES(1, 'gold')");
        await a.SyncAsync();
        b.Sql("INSERT INTO thing VALUES(2, 'gold')");
        await b.SyncAsync(SyncMode.PullOnly);
        a.Sql("DELETE FROM thing");
        await a.SyncAsync();
        await ForgetDeletionsAsync(world, "thing");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["2|gold"], a.Rows("SELECT * FROM thing"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    [Trait("req", "PULL-05")]
    public async Task A_row_that_was_put_aside_and_deleted_there_waits_no_more_when_the_server_was_restored_meanwhile()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE thing(id INTEGER PRIMARY KEY, code TEXT UNIQUE);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO thing VALUES(1, 'gold')");
        await a.SyncAsync();
        b.Sql("INSERT INTO thing VALUES(2, 'gold')");
        await b.SyncAsync(SyncMode.PullOnly);
        Assert.Equal(1, b.Count("SELECT count(*) FROM _tm_aside"));
        a.Sql("DELETE FROM thing");
        await a.SyncAsync();
        await world.BackUpServerAsync();
        await b.SyncAsync(SyncMode.PushOnly); // Known here, and lost there.
        await world.RestoreServerAsync();
        await ForgetDeletionsAsync(world, "thing", isRestoreKnown: true);
        await b.SyncAsync();
        Assert.Equal(0, b.Count("SELECT count(*) FROM _tm_aside"));
        await Steps.UntilQuietAsync(b, a);
        b.Sql("UPDATE thing SET code = 'silver'");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["2|silver"], a.Rows("SELECT * FROM thing"));
        Steps.AssertEqual(a, b);
    }

    // What the retention does in time; commits are remembered longer, and tell that the server was restored.
    private static async Task ForgetDeletionsAsync(World world, string table, bool isRestoreKnown = false)
    {
        await world.StopServerAsync();
        using (var file = SqliteFile.Open(world.ServerFile, new OpenOptions()))
        {
            file.Run($"DELETE FROM _tm_gone_{table}; UPDATE _tm_space SET compacted = head{(isRestoreKnown ? "" : "; DELETE FROM _tm_commit WHERE position < (SELECT max(head) FROM _tm_space)")}");
        }

        await world.StartServerAsync();
    }
}
