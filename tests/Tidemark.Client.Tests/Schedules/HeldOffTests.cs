using Tidemark.Client.Coordination;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>The server's version of a row cannot stand here because of something that was refused.</summary>
public sealed class HeldOffTests
{
    private const string Rooms = """
        CREATE TABLE room(id TEXT PRIMARY KEY, shelf TEXT);
        CREATE UNIQUE INDEX room_shelf ON room(lower(shelf));
        CREATE TABLE book(id TEXT PRIMARY KEY, room_id TEXT NOT NULL REFERENCES room(id), title TEXT);

        """;

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
    [InlineData("", "", "TEXT NOT NULL UNIQUE COLLATE NOCASE")]
    public async Task A_row_in_the_place_of_another_comes_with_what_refers_to_it_though_only_the_file_knows_the_index(string condition, string edit, string column = "TEXT")
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", $"""
            CREATE TABLE room(id TEXT PRIMARY KEY, shelf {column});
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

    [Fact]
    [Trait("req", "PUSH-07")]
    [Trait("req", "CON-11")]
    public async Task A_deletion_that_lost_is_not_sent_again_while_the_row_cannot_stand_here()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Rooms + "INSERT INTO room VALUES('r1', 'red'); INSERT INTO book VALUES('b', 'r1', 'one');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO room VALUES('r2', 'gold'); UPDATE book SET room_id = 'r2', title = 'two'");
        await a.SyncAsync();
        b.Sql("INSERT INTO room VALUES('r3', 'GOLD'); DELETE FROM book"); // The server does not know the index: r2 cannot stand here.
        await b.SyncAsync();
        await b.SyncAsync();
        Assert.Equal(0, (await b.SyncAsync()).Push.Requests);
        Assert.Empty(b.Rows("SELECT * FROM book"));
        b.Sql("DELETE FROM room WHERE id = 'r3'");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["b|r2|two"], b.Rows("SELECT * FROM book"));
        Steps.AssertEqual(a, b);
    }


    [Fact]
    [Trait("req", "PULL-06")]
    [Trait("req", "PULL-09")]
    public async Task A_row_its_predecessor_and_an_edited_row_below_that_one_wait_for_each_other_and_come_together()
    {
        await using var world = await World.StartAsync();
        var a = world.Make("a", Rooms, t => t.Name == "room" ? t with { DeletePolicy = Tidemark.Model.Entities.DeletePolicy.DeleteWins } : t);
        a.Sql("INSERT INTO room VALUES('r1', 'gold'); INSERT INTO book VALUES('b1', 'r1', 'one')");
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("UPDATE room SET shelf = NULL; INSERT INTO room VALUES('r2', 'GOLD'); UPDATE book SET room_id = 'r2'");
        await a.SyncAsync();
        a.Sql("DELETE FROM room WHERE id = 'r1'");
        await a.SyncAsync();
        b.Sql("UPDATE book SET title = 'edited'; INSERT INTO book VALUES('b2', 'r1', 'new')");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["r2|GOLD"], b.Rows("SELECT * FROM room"));
        Assert.Equal(["b1|r2|edited"], b.Rows("SELECT * FROM book"));
        Assert.Equal(1, b.Count("SELECT count(*) FROM _tm_conflict WHERE key = '\"b2\"' AND outcome = 'ADOPT_SERVER'"));
        Steps.AssertEqual(a, b);
        Assert.Equal(0, b.Store.EngineSession.Aside.Count());
    }

    [Fact]
    [Trait("req", "PULL-06")]
    [Trait("req", "INT-01")]
    public async Task A_row_whose_child_cannot_come_away_keeps_its_place_and_the_run_its_end()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Rooms + "INSERT INTO room VALUES('r1', 'gold'), ('r3', 'red'); INSERT INTO book VALUES('b', 'r1', 'one');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("INSERT INTO room VALUES('r9', 'BLUE')"); // r4 cannot stand here, and the book waits for it.
        a.Sql("INSERT INTO room VALUES('r4', 'blue'); UPDATE book SET room_id = 'r4'; DELETE FROM room WHERE id = 'r1'; INSERT INTO room VALUES('r2', 'GOLD')");
        await a.SyncAsync();
        await b.SyncAsync();
        var report = await b.SyncAsync();
        Assert.Null(report.Error);
        Assert.Equal(["b|r1|one"], b.Rows("SELECT * FROM book"));
        b.Sql("DELETE FROM room WHERE id = 'r9'");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["b|r4|one"], b.Rows("SELECT * FROM book"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    [Trait("req", "PULL-06")]
    public async Task An_edit_of_a_row_that_cannot_follow_the_servers_is_not_sent_in_every_run()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", """
            CREATE TABLE shop(id TEXT PRIMARY KEY, code TEXT, open INTEGER NOT NULL);
            CREATE UNIQUE INDEX open_shops ON shop(code) WHERE open = 1;
            CREATE TABLE shelf(id TEXT PRIMARY KEY, shop_id TEXT NOT NULL REFERENCES shop(id), word TEXT, size INTEGER);
            INSERT INTO shop VALUES('s0', NULL, 1);
            INSERT INTO shelf VALUES('x', 's0', 'first', 1);
            """);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO shop VALUES('s1', 'blue', 1)"); // What the index says, only the files know.
        b.Sql("INSERT INTO shop VALUES('s2', 'blue', 1); UPDATE shelf SET shop_id = 's2', word = 'second'");
        await a.SyncAsync();
        await b.SyncAsync();
        a.Sql("UPDATE shelf SET size = 2");
        await a.SyncAsync();
        await a.SyncAsync();
        Assert.Equal(0, (await a.SyncAsync()).Push.Conflicts);
        a.Sql("UPDATE shop SET open = 0 WHERE id = 's1'");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["x|s2|second|2"], b.Rows("SELECT * FROM shelf"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    [Trait("req", "CON-05")]
    public async Task An_edit_that_clashes_only_when_it_is_merged_with_the_servers_is_a_persons_to_settle()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", """
            CREATE TABLE seat(id TEXT PRIMARY KEY, row TEXT, number INTEGER, UNIQUE(row, number));
            INSERT INTO seat VALUES('x', 'a', 1), ('y', 'b', 2);
            """);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("UPDATE seat SET row = 'b' WHERE id = 'x'");
        await a.SyncAsync();
        b.Sql("UPDATE seat SET number = 2 WHERE id = 'x'");
        var inspector = new Tidemark.Client.Inspection.StoreInspector(b.Store);
        for (var run = 0; run < 30 && inspector.DeadLetters().Count == 0; run++)
        {
            await b.SyncAsync();
        }

        await b.Store.DiscardAsync(Assert.Single(inspector.DeadLetters()).Id, TestContext.Current.CancellationToken);
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["x|b|1", "y|b|2"], b.Rows("SELECT * FROM seat ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "CON-08")]
    [Trait("req", "PULL-06")]
    public async Task Rows_that_have_swapped_a_unique_value_come_together_though_one_was_deleted_and_brought_back()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('x', 'x', NULL, 'one'), ('y', 'y', NULL, 'two');");
        var (b, c) = (world.Clone("b", a), world.Clone("c", a));
        await Steps.UntilQuietAsync(a, b, c);
        b.Sql("UPDATE note SET title = 'of b' WHERE id = 'x'");
        a.Sql("UPDATE note SET slug = NULL WHERE id = 'x'; UPDATE note SET slug = 'one' WHERE id = 'y'; UPDATE note SET slug = 'two' WHERE id = 'x'");
        await Steps.UntilQuietAsync(a, c);
        c.Sql("UPDATE note SET body = 'of c' WHERE id = 'x'");
        a.Sql("DELETE FROM note WHERE id = 'x'");
        await a.SyncAsync();
        await b.SyncAsync(SyncMode.PullOnly); // Deleted there, edited here; its unique value is the one the other row has there.
        await c.SyncAsync();
        await Steps.UntilQuietAsync(b, a, c);
        Assert.Equal(["x|of b|of c|two", "y|y|NULL|one"], a.Rows("SELECT id, title, body, slug FROM note ORDER BY id"));
        Steps.AssertEqual(a, b);
        Steps.AssertEqual(a, c);
    }

    [Fact]
    [Trait("req", "CON-08")]
    [Trait("req", "PULL-06")]
    public async Task Rows_that_have_swapped_a_unique_value_come_together_though_one_has_another_key_here()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('x', 'x', NULL, 'one'), ('y', 'y', NULL, 'two');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE note SET slug = NULL WHERE id = 'x'; UPDATE note SET slug = 'one' WHERE id = 'y'; UPDATE note SET slug = 'two' WHERE id = 'x'");
        await b.SyncAsync();
        a.Sql("UPDATE note SET id = 'z' WHERE id = 'y'");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["x|two", "z|one"], b.Rows("SELECT id, slug FROM note ORDER BY id"));
        Steps.AssertEqual(a, b);
    }
}
