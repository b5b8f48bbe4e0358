using Tidemark.Client.Coordination;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>One device deletes a row that others have edited: the row lives on, with what each of them changed.</summary>
public sealed class RevivedRowTests
{
    [Theory]
    [Trait("req", "CON-08")]
    [Trait("req", "CON-05")]
    [InlineData(SyncMode.Full)]
    [InlineData(SyncMode.PullOnly)]
    public async Task A_row_that_two_devices_bring_back_has_the_edits_of_both(SyncMode meets)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'title', 'body', 'slug');");
        var (b, c) = (world.Clone("b", a), world.Clone("c", a));
        await Steps.UntilQuietAsync(a, b, c);
        c.Sql("DELETE FROM note");
        await c.SyncAsync();
        b.Sql("UPDATE note SET title = 'of b'");
        a.Sql("UPDATE note SET body = 'of a'");
        await a.SyncAsync(SyncMode.PullOnly); // It hears of the deletion before the other one brings the row back.
        await b.SyncAsync();
        await a.SyncAsync(meets);
        await Steps.UntilQuietAsync(a, b, c);
        Assert.Equal(["n|of b|of a|slug"], c.Rows("SELECT * FROM note"));
        Steps.AssertEqual(a, b);
        Steps.AssertEqual(a, c);
    }

    [Fact]
    [Trait("req", "CON-08")]
    public async Task A_row_that_was_brought_back_here_and_is_deleted_again_leaves_nothing_for_the_next_one_of_its_key()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'title', 'body', 'slug');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("DELETE FROM note");
        await b.SyncAsync();
        a.Sql("UPDATE note SET body = 'of a'");
        await a.SyncAsync(SyncMode.PullOnly);
        a.Sql("DELETE FROM note");
        await a.SyncAsync();
        Assert.Equal(0, a.Count("SELECT count(*) FROM _tm_base_1"));
        b.Sql("INSERT INTO note VALUES('n', 'another', 'body', 'slug')");
        a.Sql("INSERT INTO note VALUES('n', 'title', 'body', 'slug')");
        await b.SyncAsync();
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["n|title|body|slug"], b.Rows("SELECT * FROM note"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "CON-08")]
    [Trait("req", "PUSH-07")]
    public async Task A_row_deleted_here_comes_back_where_the_refused_edit_that_let_it_go_meets_a_new_reference_to_it()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", """
            CREATE TABLE person(id TEXT PRIMARY KEY);
            CREATE TABLE list(id TEXT PRIMARY KEY, owner TEXT NOT NULL REFERENCES person(id), editor TEXT NOT NULL REFERENCES person(id));
            INSERT INTO person VALUES('p'), ('q'), ('r');
            INSERT INTO list VALUES('l', 'q', 'p');
            """);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("UPDATE list SET owner = 'p'");
        await a.SyncAsync();
        b.Sql("UPDATE list SET editor = 'r'; DELETE FROM person WHERE id = 'p'");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["l|p|r"], a.Rows("SELECT * FROM list"));
        Assert.Equal(3, a.Count("SELECT count(*) FROM person"));
        Steps.AssertEqual(a, b);
    }
}
