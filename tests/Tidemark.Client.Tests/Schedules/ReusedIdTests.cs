using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Inspection;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>SQLite gives the id of a deleted row to the next one; to the server they are two rows.</summary>
public sealed class ReusedIdTests
{
    [Theory]
    [Trait("req", "MOD-03")]
    [Trait("req", "PUSH-02")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_row_made_under_the_id_of_a_deleted_one_is_not_that_one(bool deletedHere)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO author VALUES(1, 'ann', NULL)");
        await Steps.UntilQuietAsync(a, b);
        var deleting = deletedHere ? b : a;
        var keeping = deletedHere ? a : b;
        deleting.Sql("DELETE FROM author");
        await deleting.SyncAsync();

        // The one keeps a book of the deleted author, offline; on the other a new author gets the free number.
        keeping.Sql("INSERT INTO book VALUES(1, 1, 'of ann', NULL)");
        deleting.Sql("INSERT INTO author VALUES(1, 'bea', NULL)");
        await deleting.SyncAsync();
        await Steps.UntilQuietAsync(keeping, deleting);
        Assert.Equal(["of ann|ann"], a.Rows("SELECT title, name FROM book JOIN author ON author.id = author_id"));
        Assert.Equal(["ann", "bea"], a.Rows("SELECT name FROM author ORDER BY name"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [Trait("req", "CON-08")]
    [Trait("req", "PUSH-02")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_row_made_under_the_id_of_one_whose_deletion_was_refused_is_a_row_of_its_own(bool pullsFirst)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE author SET note = 'edited'; INSERT INTO book VALUES(1, 1, 'of ann', NULL)");
        await b.SyncAsync();
        a.Sql("DELETE FROM author; INSERT INTO author VALUES(1, 'bea', NULL); INSERT INTO book VALUES(1, 1, 'of bea', NULL)");
        if (pullsFirst)
        {
            await a.SyncAsync(SyncMode.PullOnly);
        }

        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["ann|edited", "bea|NULL"], b.Rows("SELECT name, note FROM author ORDER BY name"));
        Assert.Equal(["of ann|ann", "of bea|bea"], b.Rows("SELECT title, name FROM book JOIN author ON author.id = author_id ORDER BY title"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "CON-08")]
    [Trait("req", "PULL-06")]
    public async Task A_revived_row_that_another_device_revived_too_is_one_row_with_the_edits_of_both()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL);");
        var (b, c) = (world.Clone("b", a), world.Clone("c", a));
        await Steps.UntilQuietAsync(a, b, c);
        b.Sql("DELETE FROM author");
        await b.SyncAsync();
        a.Sql("UPDATE author SET note = 'edited'; INSERT INTO book VALUES(1, 1, 'below', NULL)");
        await a.SyncAsync(SyncMode.PullOnly);
        Assert.Equal(["1|ann|edited"], a.Rows("SELECT * FROM author"));
        c.Sql("UPDATE author SET name = 'anna'");
        await c.SyncAsync();

        // The pull meets a row that lives here without the remote showing it.
        await a.SyncAsync(SyncMode.PullOnly);
        await Steps.UntilQuietAsync(a, b, c);
        Assert.Equal(1, b.Count("SELECT count(*) FROM author"));
        Assert.Equal(["below|1"], b.Rows("SELECT title, author_id FROM book"));
        Assert.Equal(["1|edited"], b.Rows("SELECT id, note FROM author"));
        Steps.AssertEqual(a, b);
        Steps.AssertEqual(a, c);
    }

    [Fact]
    [Trait("req", "PULL-08")]
    [Trait("req", "PUSH-02")]
    public async Task What_the_remote_hangs_on_the_deleted_row_does_not_come_to_hang_on_the_one_made_in_its_place()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("DELETE FROM author");
        a.Sql("INSERT INTO author VALUES(1, 'bea', NULL)");
        b.Sql("INSERT INTO book VALUES(1, 1, 'of ann', NULL); INSERT INTO book VALUES(2, 1, 'of ann too', NULL)");
        await b.SyncAsync();
        await a.SyncAsync(SyncMode.PullOnly);
        await Steps.UntilQuietAsync(a, b);
        Assert.Empty(b.Rows("SELECT title FROM book JOIN author ON author.id = author_id WHERE name = 'bea'"));
        Assert.Equal(1, b.Count("SELECT count(*) FROM author WHERE name = 'bea'"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "CON-08")]
    [Trait("req", "PULL-06")]
    public async Task A_deletion_that_is_pulled_finds_the_row_made_in_the_place_of_the_deleted_one_to_be_another()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL);");
        var (b, c) = (world.Clone("b", a), world.Clone("c", a));
        await Steps.UntilQuietAsync(a, b, c);
        a.Sql("DELETE FROM author");
        a.Sql("INSERT INTO author VALUES(1, 'bea', NULL)");
        b.Sql("DELETE FROM author");
        await b.SyncAsync();
        await a.SyncAsync(SyncMode.PullOnly);

        // Here the edit wins against the deletion: the row is back, and it is the one that was deleted.
        c.Sql("UPDATE author SET note = 'edited'");
        await c.SyncAsync();
        await Steps.UntilQuietAsync(a, b, c);
        Assert.Equal(["ann|edited", "bea|NULL"], b.Rows("SELECT name, note FROM author ORDER BY name"));
        Steps.AssertEqual(a, b);
        Steps.AssertEqual(a, c);
    }

    [Fact]
    [Trait("req", "PUSH-02")]
    [Trait("req", "PULL-08")]
    public async Task The_fresh_id_of_a_row_that_moves_aside_is_not_one_of_a_deleted_row()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL); INSERT INTO author VALUES(2, 'bea', NULL);");
        var (b, c) = (world.Clone("b", a), world.Clone("c", a));
        await Steps.UntilQuietAsync(a, b);
        a.Sql("DELETE FROM author WHERE id = 2");
        await a.SyncAsync();
        b.Sql("INSERT INTO book VALUES(1, 2, 'of bea', NULL)");
        c.Sql("INSERT INTO author VALUES(1, 'cid', NULL)");
        await c.SyncAsync(SyncMode.PullOnly);
        await c.SyncAsync();
        await Steps.UntilQuietAsync(a, b, c);
        Assert.Equal(["of bea|bea"], c.Rows("SELECT title, name FROM book JOIN author ON author.id = author_id"));
        Assert.Equal(["ann", "bea", "cid"], c.Rows("SELECT name FROM author ORDER BY name"));
        Steps.AssertEqual(a, b);
        Steps.AssertEqual(a, c);
    }

    [Fact]
    [Trait("req", "PUSH-02")]
    [Trait("req", "PUSH-06")]
    public async Task A_row_made_in_the_place_of_one_whose_deletion_is_a_dead_letter_takes_nothing_over_from_it()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE book(id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES author(id) ON DELETE RESTRICT, title TEXT); INSERT INTO author VALUES(1, 'ann');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("INSERT INTO book VALUES(1, 1, 'of ann')");
        await b.SyncAsync();
        a.Sql("DELETE FROM author");
        await a.SyncAsync(SyncMode.PushOnly);
        a.Sql("INSERT INTO author VALUES(1, 'bea')");
        a.Sql("INSERT INTO book VALUES(2, 1, 'of bea')");
        await a.SyncAsync(SyncMode.PushOnly);
        await b.SyncAsync();
        Assert.Equal(["of ann|ann", "of bea|bea"], b.Rows("SELECT title, name FROM book JOIN author ON author.id = author_id ORDER BY title"));
    }

    [Fact]
    [Trait("req", "MOD-03")]
    [Trait("req", "PUSH-06")]
    public async Task A_row_made_under_the_id_that_another_one_left_for_another_key_is_not_that_one()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("UPDATE author SET note = 'edited'");
        await a.SyncAsync();
        b.Sql("UPDATE author SET id = 9");
        b.Sql("INSERT INTO author VALUES(1, 'bea', NULL)");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["ann|edited", "bea|NULL"], a.Rows("SELECT name, note FROM author ORDER BY name"));
        Assert.Equal(["9"], a.Rows("SELECT id FROM author WHERE name = 'ann'"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "MOD-03")]
    [Trait("req", "CON-08")]
    public async Task A_row_that_goes_to_another_key_and_back_is_the_one_it_was()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("UPDATE author SET note = 'edited'");
        await a.SyncAsync();
        b.Sql("UPDATE author SET id = 9; UPDATE author SET id = 8; UPDATE author SET id = 1; UPDATE author SET name = 'anna'");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|anna|edited"], a.Rows("SELECT * FROM author"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "CON-08")]
    [Trait("req", "MOD-03")]
    public async Task A_row_that_an_edit_revives_keeps_its_id_when_the_one_made_in_its_place_is_deleted_too()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("UPDATE author SET note = 'edited'");
        await a.SyncAsync();
        b.Sql("DELETE FROM author");
        b.Sql("INSERT INTO author VALUES(1, 'bea', NULL)");
        b.Sql("DELETE FROM author");
        await b.SyncAsync(SyncMode.PullOnly);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|ann|edited"], a.Rows("SELECT * FROM author"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-08")]
    [Trait("req", "PUSH-02")]
    public async Task What_refers_to_a_row_that_is_put_aside_does_not_go_with_the_one_that_has_its_id_here()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE thing(id INTEGER PRIMARY KEY, code TEXT UNIQUE, next INTEGER REFERENCES thing(id));");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO thing VALUES(1, 'red', NULL), (2, NULL, 1)");
        await a.SyncAsync();
        b.Sql("INSERT INTO thing VALUES(7, 'red', NULL)");
        await b.SyncAsync();
        await b.SyncAsync();
        var doctor = await new StoreDoctor(b.Store, SyncEnvironment.System).ExamineAsync(repair: true, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(doctor.Findings, f => f.Severity == FindingSeverity.Fault);
        Assert.Equal(["2|1"], b.Rows("SELECT id, next FROM thing WHERE next IS NOT NULL"));
        b.Sql("INSERT INTO thing VALUES(1, 'blue', NULL)"); // The free number: the server's row of that id waits for its code.
        await b.SyncAsync();
        await DiscardedParentTests.DiscardAsync(b, syncs: 1);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["red"], b.Rows("SELECT p.code FROM thing t JOIN thing p ON p.id = t.next WHERE t.id = 2"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-02")]
    [Trait("req", "PUSH-03")]
    public async Task A_row_made_under_the_id_of_a_deleted_one_that_comes_along_with_an_earlier_batch_is_sent_once()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL), (2, 'bea', NULL); INSERT INTO book VALUES(1, 2, 'old', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);

        // A batch of 1,000 commands ends between the deletion of the parent, which takes the child along, and the notes of the child.
        a.Sql("PRAGMA foreign_keys = OFF; DELETE FROM author WHERE id = 2; WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) INSERT INTO author SELECT i, 'x' || i, NULL FROM n; DELETE FROM book; INSERT INTO book VALUES(1, 1, 'new', NULL)");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["new|1"], b.Rows("SELECT title, author_id FROM book"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-08")]
    public async Task A_row_that_makes_room_for_a_pulled_one_takes_no_id_that_another_pulled_row_refers_to()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO book VALUES(1, 1, 'one', 3), (2, 1, 'two', NULL), (3, 1, 'three', NULL)");
        await a.SyncAsync();
        b.Sql("INSERT INTO book VALUES(2, 1, 'made here', NULL)");
        await b.SyncAsync(SyncMode.PullOnly);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["one|three"], b.Rows("SELECT x.title, y.title FROM book x JOIN book y ON y.id = x.sequel_of"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-08")]
    [Trait("req", "PUSH-02")]
    public async Task A_pulled_row_is_not_taken_for_one_that_was_made_again_where_unsent_rows_had_its_id()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE person(id INTEGER PRIMARY KEY, boss INTEGER REFERENCES person(id), name TEXT);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO person VALUES(1, NULL, 'ann'), (2, 1, 'bea'), (3, NULL, 'cid')");
        await a.SyncAsync();
        a.Sql("UPDATE person SET name = 'anna' WHERE id = 1");
        await a.SyncAsync();
        a.Sql("UPDATE person SET boss = 1 WHERE id = 3"); // So that the page has one below it, the row itself, and one below it again.
        await a.SyncAsync();
        b.Sql("INSERT INTO person VALUES(1, NULL, 'here')");
        b.Sql("DELETE FROM person; INSERT INTO person VALUES(1, 1, 'here again')");
        await b.SyncAsync(SyncMode.PullOnly);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["anna|NULL", "bea|anna", "cid|anna", "here again|here again"], a.Rows("SELECT p.name, q.name FROM person p LEFT JOIN person q ON q.id = p.boss ORDER BY p.name"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-02")]
    [Trait("req", "PUSH-03")]
    public async Task A_change_of_key_without_an_answer_does_not_go_with_the_row_that_an_app_made_in_its_place_since()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE list(id INTEGER PRIMARY KEY, next INTEGER REFERENCES list(id) ON DELETE SET NULL, name TEXT); INSERT INTO list VALUES(1, NULL, 'one');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE list SET id = 115");
        b.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropResponse : Fault.None;
        await b.TrySyncAsync(SyncMode.PushOnly);
        b.Network.Decide = _ => Fault.None;
        await a.SyncAsync();
        a.Sql("INSERT INTO list VALUES(2, 115, 'two')");
        await a.SyncAsync();
        b.Sql("DELETE FROM list; INSERT INTO list VALUES(115, NULL, 'other')");
        await b.SyncAsync(SyncMode.PullOnly);
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["other", "two"], a.Rows("SELECT name FROM list ORDER BY name"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [Trait("req", "PUSH-02")]
    [Trait("req", "PUSH-09")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_row_made_under_the_id_of_one_that_was_on_its_way_and_deleted_is_not_that_one(bool isTaken)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        if (isTaken)
        {
            b.Sql("INSERT INTO author VALUES(1, 'other', NULL)");
            await b.SyncAsync(SyncMode.PushOnly);
        }

        // The new ids are each that of the next row: the one made in the place of the last row must not be taken for another's.
        a.Sql("INSERT INTO author VALUES(1, 'ann', NULL), (2, 'bea', NULL); INSERT INTO book VALUES(1, 2, 'of bea', NULL)");
        a.DuringNextPush("DELETE FROM book; DELETE FROM author WHERE id = 2; INSERT INTO author VALUES(2, 'cid', NULL); INSERT INTO book VALUES(1, 2, 'of cid', NULL)");
        await a.SyncAsync(SyncMode.PushOnly);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(isTaken ? ["ann", "cid", "other"] : ["ann", "cid"], a.Rows("SELECT name FROM author ORDER BY name"));
        Assert.Equal(["of cid|cid"], a.Rows("SELECT title, name FROM book JOIN author ON author.id = author_id"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [Trait("req", "PUSH-02")]
    [Trait("req", "MOD-03")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_row_made_under_the_id_of_one_that_another_row_threw_out_is_not_that_one(bool recursiveTriggers)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE item(id INTEGER PRIMARY KEY, code TEXT UNIQUE, name TEXT); INSERT INTO item VALUES(1, 'x', 'one'), (2, 'y', 'two');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql($"PRAGMA recursive_triggers = {(recursiveTriggers ? "ON" : "OFF")}");
        a.Sql("INSERT OR IGNORE INTO item VALUES(1, 'z', 'ignored')");
        a.Sql("INSERT OR REPLACE INTO item VALUES(1, 'y', 'won')");
        a.Sql("INSERT INTO item VALUES(2, 'z', 'new')");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|y|won", "3|z|new"], b.Rows("SELECT * FROM item ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-02")]
    [Trait("req", "MOD-03")]
    public async Task A_row_that_an_insert_would_have_thrown_out_and_was_ignored_is_the_one_it_was()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE item(id INTEGER PRIMARY KEY, code TEXT UNIQUE, name TEXT); INSERT INTO item VALUES(1, 'x', 'one');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT OR IGNORE INTO item VALUES(2, 'x', 'ignored')");
        a.Sql("INSERT INTO item VALUES(3, 'y', 'other')");
        a.Sql("INSERT OR REPLACE INTO item VALUES(1, 'x', 'still one')");
        b.Sql("UPDATE item SET code = 'w' WHERE id = 1");
        await b.SyncAsync();
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|w|still one", "3|y|other"], b.Rows("SELECT * FROM item ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [Trait("req", "PUSH-02")]
    [Trait("req", "MOD-03")]
    [InlineData("INSERT INTO item VALUES(1, 'new', NULL)", false)]
    [InlineData("INSERT INTO item VALUES(1, 'new', NULL)", true)]
    [InlineData("INSERT INTO item VALUES(9, 'new', NULL); UPDATE item SET id = 1 WHERE id = 9", true)]
    public async Task A_row_made_under_the_id_of_one_whose_deletion_waits_for_a_refused_one_is_a_row_of_its_own(string makes, bool duringPush)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", """
            CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, note TEXT);
            CREATE TABLE part(id TEXT PRIMARY KEY, item_id INTEGER NOT NULL REFERENCES item(id) ON DELETE CASCADE);
            CREATE TABLE bolt(id TEXT PRIMARY KEY, part_id TEXT NOT NULL REFERENCES part(id) ON DELETE RESTRICT);
            INSERT INTO item VALUES(1, 'old', NULL); INSERT INTO part VALUES('p', 1);
            """);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("INSERT INTO bolt VALUES('b', 'p')");
        await b.SyncAsync();
        a.Sql("DELETE FROM item");
        await a.SyncAsync(SyncMode.PushOnly);
        if (duringPush)
        {
            a.Options.Push.BatchCommandsMax = 1;
            a.Sql("INSERT INTO item VALUES(2, 'two', NULL), (3, 'two', NULL), (4, 'two', NULL)");
            a.DuringNextPush(makes); // The note of the deletion belongs to an earlier batch.
        }
        else
        {
            a.Sql(makes);
        }

        await a.SyncAsync();
        await b.SyncAsync();
        Assert.Equal(["new"], b.Rows("SELECT name FROM item WHERE name NOT IN ('old', 'two')"));
        Assert.Equal(["old|p|b"], b.Rows("SELECT name, part.id, bolt.id FROM item JOIN part ON item_id = item.id JOIN bolt ON part_id = part.id"));
    }

    [Fact]
    [Trait("req", "PUSH-02")]
    [Trait("req", "CON-08")]
    public async Task A_row_replaced_and_deleted_across_two_batches_is_no_second_row_when_it_comes_back()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        var (b, c) = (world.Clone("b", a), world.Clone("c", a));
        c.Sql("INSERT INTO author VALUES(1, 'ann', NULL)");
        await Steps.UntilQuietAsync(c, b);
        await world.BackUpServerAsync();
        c.Sql("INSERT INTO author VALUES(2, 'cis', NULL)");
        await c.SyncAsync();
        await a.SyncAsync();
        await world.RestoreServerAsync();
        b.Sql("UPDATE author SET note = 'edited'");
        await b.SyncAsync();

        // The deletion is sent with the first note of the replacement; the note of the row that was inserted by it falls into the next batch.
        // Before its verdict comes, what the restored server is offered brings the row back.
        a.Options.Push.BatchCommandsMax = 1;
        a.Sql("REPLACE INTO author VALUES(1, 'bea', NULL)");
        a.Sql("INSERT INTO author VALUES(7, 'eve', NULL)");
        a.Sql("DELETE FROM author WHERE id = 1");
        await Steps.UntilQuietAsync(a, b, c);
        Assert.Equal(["ann|edited", "cis|NULL", "eve|NULL"], a.Rows("SELECT name, note FROM author ORDER BY name"));
        Steps.AssertEqual(a, b);
    }
}
