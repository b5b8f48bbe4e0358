using Tidemark.Client.Coordination;
using Tidemark.Client.Inspection;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>A new row under the id of a deleted one is refused, and sent again: it stays a new one.</summary>
public sealed class SentAgainTests
{
    [Fact]
    [Trait("req", "MOD-03")]
    [Trait("req", "PUSH-05")]
    public async Task A_row_made_under_the_id_of_a_deleted_one_is_not_that_one_when_it_is_sent_again_after_its_parent()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", """
            CREATE TABLE shop(id TEXT PRIMARY KEY, word TEXT);
            CREATE TABLE list(id INTEGER PRIMARY KEY, shop_id TEXT REFERENCES shop(id) ON UPDATE CASCADE, word TEXT);
            CREATE TABLE tag(id TEXT PRIMARY KEY, list_id INTEGER NOT NULL REFERENCES list(id));
            INSERT INTO shop VALUES('s1', 'one');
            INSERT INTO list VALUES(8, 's1', 'old');
            """);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE list SET word = 'edited'; INSERT INTO tag VALUES('x', 8)");
        a.Sql("DELETE FROM list");
        await a.SyncAsync();
        await b.SyncAsync(); // Brings it back.
        b.Sql("UPDATE shop SET word = 'uno'");
        await b.SyncAsync();
        a.Sql("UPDATE shop SET id = 's9'; INSERT INTO list VALUES(8, 's9', 'new')");
        await a.SyncAsync(); // The change of key meets the edit: the row below it goes with the next batch.
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["edited", "new"], a.Rows("SELECT word FROM list ORDER BY word"));
        Assert.Equal(["edited"], a.Rows("SELECT word FROM list JOIN tag ON list_id = list.id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "MOD-03")]
    [Trait("req", "PUSH-08")]
    public async Task A_row_made_under_the_id_of_a_deleted_one_is_not_that_one_when_its_dead_letter_is_tried_again()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE list(id INTEGER PRIMARY KEY, code TEXT UNIQUE); INSERT INTO list VALUES(1, 'red'), (2, 'blue');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE list SET code = 'edited' WHERE id = 2");
        a.Sql("DELETE FROM list WHERE id = 2");
        await a.SyncAsync();
        b.Sql("INSERT INTO list VALUES(3, 'green')");
        await b.SyncAsync(); // Brings the deleted one back.
        a.Sql("INSERT INTO list VALUES(2, 'green')");
        await a.SyncAsync(SyncMode.PushOnly);
        var letter = Assert.Single(new StoreInspector(a.Store).DeadLetters());
        a.Sql("UPDATE list SET code = 'new' WHERE id = 2");
        await a.Store.RetryAsync(letter.Id, TestContext.Current.CancellationToken);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["edited", "green", "new", "red"], a.Rows("SELECT code FROM list ORDER BY code"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [Trait("req", "PUSH-02")]
    [Trait("req", "PULL-10")]
    [InlineData(SyncMode.PullOnly)]
    [InlineData(SyncMode.Full)]
    public async Task A_row_that_comes_back_under_an_id_whose_new_row_was_thrown_out_is_the_one_it_was(SyncMode first)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE item(id INTEGER PRIMARY KEY, code TEXT UNIQUE, name TEXT); INSERT INTO item VALUES(1, 'x', 'ann'), (2, 'y', 'bob');");
        var (b, c) = (world.Clone("b", a), world.Clone("c", a));
        await Steps.UntilQuietAsync(a, b, c);
        await world.BackUpServerAsync();
        c.Sql("UPDATE item SET name = 'anna' WHERE id = 1");
        await c.SyncAsync();
        await a.SyncAsync();
        await world.RestoreServerAsync();
        b.Sql("UPDATE item SET code = 'z' WHERE id = 1");
        await b.SyncAsync();
        a.Sql("DELETE FROM item WHERE id = 1; INSERT INTO item VALUES(1, 'w', 'new')");
        a.Sql("INSERT OR REPLACE INTO item VALUES(22, 'w', 'newer')");
        await a.SyncAsync(first);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["w|newer", "y|bob", "z|ann"], b.Rows("SELECT code, name FROM item ORDER BY code"));
        Assert.Equal(1, a.Count("SELECT id FROM item WHERE code = 'z'"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-02")]
    [Trait("req", "PULL-10")]
    public async Task So_does_one_that_comes_back_when_what_threw_the_new_row_out_was_sent_before()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE item(id INTEGER PRIMARY KEY, code TEXT UNIQUE, name TEXT); INSERT INTO item VALUES(1, 'x', 'ann'), (2, 'y', 'bob');");
        var (b, c) = (world.Clone("b", a), world.Clone("c", a));
        await Steps.UntilQuietAsync(a, b, c);
        await world.BackUpServerAsync();
        c.Sql("UPDATE item SET name = 'anna' WHERE id = 1");
        await c.SyncAsync();
        await a.SyncAsync();
        await world.RestoreServerAsync();
        b.Sql("UPDATE item SET code = 'v' WHERE id = 2; UPDATE item SET code = 'y' WHERE id = 1");
        await b.SyncAsync();
        a.Sql("DELETE FROM item WHERE id = 1; INSERT INTO item VALUES(1, 'w', 'new')");
        a.Sql("INSERT OR REPLACE INTO item VALUES(22, 'w', 'newer')");
        await a.SyncAsync(SyncMode.PullOnly);

        // The row that comes back has the unique value of another one here: it waits until that one's edit is told, and the new row is sent before.
        await a.SyncAsync(SyncMode.PushOnly);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["v|bob", "w|newer", "y|ann"], b.Rows("SELECT code, name FROM item ORDER BY code"));
        Assert.Equal(1, a.Count("SELECT id FROM item WHERE code = 'y'"));
        Steps.AssertEqual(a, b);
    }
}
