using Tidemark.Client.Coordination;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>The server's version of a row cannot stand here because of something that was refused.</summary>
public sealed class HeldOffTests
{
    [Fact]
    [Trait("req", "CON-11")]
    [Trait("req", "PUSH-07")]
    public async Task A_row_that_was_moved_here_meets_its_other_version_without_that_ones_parent()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Orders + "INSERT INTO customer VALUES('c1', 'one'), ('c2', 'two');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO purchase VALUES('p', 'c1', 1)");
        await a.SyncAsync();
        b.Sql("DELETE FROM customer WHERE id = 'c1'; INSERT INTO purchase VALUES('p', 'c2', 2)");
        await b.SyncAsync();
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["p|c2"], a.Rows("SELECT id, customer_id FROM purchase"));
        Assert.Equal(a.Rows("SELECT * FROM purchase"), b.Rows("SELECT * FROM purchase"));
        Assert.Equal(0, b.Store.EngineSession.Aside.Count());
    }

    [Fact]
    [Trait("req", "CON-11")]
    [Trait("req", "PUSH-07")]
    public async Task A_renamed_row_is_not_sent_again_while_a_refused_one_has_its_unique_value()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', NULL, NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE note SET slug = 'gold'");
        await b.SyncAsync();
        a.Sql("INSERT INTO note VALUES('n2', 'two', NULL, 'gold'); UPDATE note SET id = 'n3' WHERE id = 'n1'");
        await a.SyncAsync();
        var report = await a.SyncAsync();
        Assert.Equal(0, report.Push.Conflicts);
        var letter = Assert.Single(new Tidemark.Client.Inspection.StoreInspector(a.Store).DeadLetters());
        await a.Store.DiscardAsync(letter.Id, TestContext.Current.CancellationToken);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["n3|one|gold"], b.Rows("SELECT id, title, slug FROM note WHERE slug = 'gold'"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "CON-08")]
    [Trait("req", "PUSH-07")]
    public async Task A_deleted_row_that_changed_elsewhere_comes_back_once_the_one_with_its_unique_value_has_let_go()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', NULL, 'gold'), ('n2', 'two', NULL, NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE note SET body = 'edited' WHERE id = 'n1'");
        await b.SyncAsync();
        a.Sql("UPDATE OR REPLACE note SET slug = 'gold' WHERE id = 'n2'");
        await a.SyncAsync();
        await a.SyncAsync();
        var letter = Assert.Single(new Tidemark.Client.Inspection.StoreInspector(a.Store).DeadLetters());
        Assert.Equal(SyncOutcome.Idle, (await b.SyncAsync()).Outcome);
        await a.Store.DiscardAsync(letter.Id, TestContext.Current.CancellationToken);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["n1|edited|gold"], a.Rows("SELECT id, body, slug FROM note WHERE id = 'n1'"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [Trait("req", "CON-11")]
    [Trait("req", "PULL-06")]
    [InlineData("UPDATE note SET body = 'edited' WHERE id = 'n1'")]
    [InlineData("UPDATE note SET body = 'edited'")]
    public async Task Unique_values_that_were_swapped_elsewhere_reach_rows_with_edits(string edit)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', NULL, 'red'), ('n2', 'two', NULL, 'blue');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("UPDATE note SET slug = NULL; UPDATE note SET slug = iif(id = 'n1', 'blue', 'red')");
        await a.SyncAsync();
        b.Sql(edit);
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["n1|blue|edited"], a.Rows("SELECT id, slug, body FROM note WHERE id = 'n1'"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [Trait("req", "PULL-06")]
    [Trait("req", "PULL-09")]
    [InlineData("WHERE shelf <> ''", "")]
    [InlineData("", "UPDATE book SET title = 'edited'")]
    [InlineData("WHERE shelf <> ''", "UPDATE book SET title = 'edited'")]
    public async Task A_row_in_the_place_of_another_comes_with_what_refers_to_it_though_only_the_file_knows_the_index(string condition, string edit)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", $"""
            CREATE TABLE room(id TEXT PRIMARY KEY, shelf TEXT);
            CREATE UNIQUE INDEX room_shelf ON room(lower(shelf)) {condition};
            CREATE TABLE book(id TEXT PRIMARY KEY, room_id TEXT NOT NULL REFERENCES room(id), title TEXT);
            INSERT INTO room VALUES('r1', 'gold');
            INSERT INTO book VALUES('b', 'r1', 'one');
            """);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("PRAGMA foreign_keys = 0; INSERT OR REPLACE INTO room VALUES('r2', 'GOLD'); UPDATE book SET room_id = 'r2'");
        await a.SyncAsync();
        b.Sql(edit);
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["r2|GOLD"], b.Rows("SELECT * FROM room"));
        Assert.Equal(["b|r2|" + (edit.Length > 0 ? "edited" : "one")], b.Rows("SELECT * FROM book"));
        Steps.AssertEqual(a, b);
        Assert.Equal(0, b.Store.EngineSession.Aside.Count());
    }
}
