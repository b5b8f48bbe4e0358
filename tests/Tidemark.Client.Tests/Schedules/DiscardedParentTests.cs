using Tidemark.Client.Coordination;
using Tidemark.Client.Inspection;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>A refused row is taken back, and others stand below it.</summary>
public sealed class DiscardedParentTests
{
    private const string Teams = """
        CREATE TABLE team(id TEXT PRIMARY KEY, code TEXT UNIQUE);
        CREATE TABLE player(id TEXT PRIMARY KEY, team_id TEXT NOT NULL REFERENCES team(id) ON UPDATE CASCADE, name TEXT);
        """;

    [Fact]
    [Trait("req", "PUSH-08")]
    public async Task Rows_that_were_moved_to_it_go_back_to_where_they_were()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Teams + "INSERT INTO team VALUES('t1', 'red'); INSERT INTO player VALUES('p', 't1', 'ann');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO team VALUES('t2', 'blue')");
        await a.SyncAsync();
        b.Sql("INSERT INTO team VALUES('t3', 'blue'); UPDATE player SET team_id = 't3'");
        await DiscardAsync(b);
        Assert.Equal(["p|t1"], b.Rows("SELECT id, team_id FROM player"));
        await Steps.UntilQuietAsync(a, b);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    public async Task Rows_of_others_below_the_key_of_a_refused_rename_stay_there()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Teams + "INSERT INTO team VALUES('t1', 'red');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO team VALUES('t9', 'blue'); INSERT INTO player VALUES('q', 't9', 'bea')");
        await a.SyncAsync();
        b.Sql("PRAGMA foreign_keys=ON; UPDATE team SET id = 't9'");
        await DiscardAsync(b);
        Assert.Equal(["q|t9"], b.Rows("SELECT id, team_id FROM player ORDER BY id"));
        Assert.Empty(b.Rows("SELECT * FROM pragma_foreign_key_check"));
        await Steps.UntilQuietAsync(a, b);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    [Trait("req", "PULL-10")]
    public async Task Rows_below_the_key_of_a_refused_rename_go_with_it_when_its_row_was_deleted_after_a_restore()
    {
        await using var lost = await LostWorld.StartAsync(Teams + "INSERT INTO team VALUES('t2', 'blue'); INSERT INTO player VALUES('p', 't2', 'ann');");
        var (a, b) = (lost.A, lost.B);
        a.Sql("INSERT INTO team VALUES('t1', 'red')");
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO team VALUES('t9', 'green')");
        await a.SyncAsync();
        b.Sql("UPDATE team SET id = 't9' WHERE id = 't1'");
        await b.SyncAsync();
        a.Sql("DELETE FROM team WHERE id = 't1'");
        await a.SyncAsync();
        await lost.World.RestoreServerAsync();
        await a.SyncAsync();
        await b.SyncAsync();
        b.Sql("INSERT INTO player VALUES('q', 't9', 'bea'); UPDATE player SET team_id = 't9' WHERE id = 'p'");
        await DiscardAsync(b);
        Assert.Equal(["p|t2"], b.Rows("SELECT id, team_id FROM player ORDER BY id"));
        Assert.Empty(b.Rows("SELECT * FROM pragma_foreign_key_check"));
        await Steps.UntilQuietAsync(a, b);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    [Trait("req", "PULL-10")]
    public async Task A_deletion_that_a_restored_server_refused_gives_its_row_back()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Teams + "INSERT INTO team VALUES('t1', 'red'), ('t2', 'blue'); INSERT INTO player VALUES('p', 't1', 'ann');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        await world.BackUpServerAsync();
        a.Sql("UPDATE player SET team_id = 't2'; DELETE FROM team WHERE id = 't1'");
        await a.SyncAsync();
        await world.RestoreServerAsync();
        b.Sql("INSERT INTO player VALUES('q', 't1', 'bea')");
        await b.SyncAsync();
        await DiscardAsync(a);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["t1", "t2"], a.Rows("SELECT id FROM team ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    [Trait("req", "PULL-10")]
    public async Task A_row_that_was_made_under_the_key_of_a_deletion_that_a_restored_server_refused_stays_with_its_children()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Teams + "INSERT INTO team VALUES('t1', 'red'), ('t2', 'blue'); INSERT INTO player VALUES('p', 't1', 'ann');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        await world.BackUpServerAsync();
        a.Sql("UPDATE player SET team_id = 't2'; DELETE FROM team WHERE id = 't1'");
        await a.SyncAsync();
        await world.RestoreServerAsync();
        b.Sql("INSERT INTO player VALUES('q', 't1', 'bea')");
        await b.SyncAsync();
        await a.SyncAsync();
        b.Sql("PRAGMA foreign_keys=ON; UPDATE team SET id = 't9' WHERE id = 't1'"); // What the server had shown with its refusal has another key now.
        await b.SyncAsync();
        a.Sql("INSERT INTO team VALUES('t1', 'green'); INSERT INTO player VALUES('r', 't1', 'cid')");
        await DiscardAsync(a);
        Assert.Contains("r|t1", a.Rows("SELECT id, team_id FROM player"));
        Assert.Empty(a.Rows("SELECT * FROM pragma_foreign_key_check"));
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["q|t9", "r|t1"], b.Rows("SELECT id, team_id FROM player WHERE id <> 'p' ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    public async Task A_parent_that_was_deleted_since_comes_back_with_its_row()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", """
            CREATE TABLE team(id TEXT PRIMARY KEY, league_id TEXT NOT NULL REFERENCES league(id));
            CREATE TABLE league(id TEXT PRIMARY KEY, name TEXT);
            CREATE TABLE player(id TEXT PRIMARY KEY, team_id TEXT NOT NULL REFERENCES team(id), nick TEXT UNIQUE);
            INSERT INTO league VALUES('l1', 'one'), ('l2', 'two');
            INSERT INTO team VALUES('t1', 'l1'), ('t2', 'l2');
            INSERT INTO player VALUES('p', 't1', 'ann');
            """);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("INSERT INTO player VALUES('q', 't2', 'ace')");
        await b.SyncAsync();
        a.Sql("UPDATE player SET nick = 'ace', team_id = 't2'");
        await a.SyncAsync();
        a.Sql("DELETE FROM team WHERE id = 't1'; DELETE FROM league WHERE id = 'l1'");
        await DiscardAsync(a, syncs: 0);
        Assert.Equal(["p|t1|ann", "q|t2|ace"], a.Rows("SELECT * FROM player ORDER BY id"));
        Assert.Equal(["t1|l1", "t2|l2"], a.Rows("SELECT * FROM team ORDER BY id"));
        Assert.Empty(a.Rows("SELECT * FROM pragma_foreign_key_check"));
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(2, b.Count("SELECT count(*) FROM league"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    [Trait("req", "PULL-10")]
    public async Task An_offer_that_was_refused_for_its_unique_value_gives_way_to_the_older_row_of_the_restored_server()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', NULL, 'x'), ('n2', 'two', NULL, 'y');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        await world.BackUpServerAsync();
        a.Sql("UPDATE note SET slug = 'z' WHERE id = 'n1'");
        await a.SyncAsync();
        await world.RestoreServerAsync();
        b.Sql("UPDATE note SET slug = 'z' WHERE id = 'n2'");
        await b.SyncAsync();
        await a.SyncAsync();
        await DiscardAsync(a);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["n1|x", "n2|z"], a.Rows("SELECT id, slug FROM note ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    public async Task A_change_of_key_that_could_never_be_sent_gives_the_row_back_under_its_former_key()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL); INSERT INTO book VALUES(1, 1, 'of ann', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("PRAGMA foreign_keys=OFF; UPDATE book SET id = 9, author_id = 77");
        await DiscardAsync(a);
        Assert.Equal(["1|1|of ann"], a.Rows("SELECT id, author_id, title FROM book"));
        await Steps.UntilQuietAsync(a, b);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    [Trait("req", "PULL-10")]
    public async Task A_refused_offer_that_is_taken_back_leaves_nothing_of_what_the_server_lost_a_second_time()
    {
        await using var lost = await LostWorld.StartAsync(Schemas.Notes);
        var (a, b) = (lost.A, lost.B);
        a.Sql("INSERT INTO note VALUES('x', 'lost', NULL, 's')");
        await Steps.UntilQuietAsync(a, b);
        var c = await lost.RestoreAndWriteAsync("INSERT INTO note VALUES('y', 'new', NULL, 's')");
        await b.SyncAsync();
        Assert.Single(new StoreInspector(b.Store).DeadLetters());
        c.Sql("DELETE FROM note");
        await c.SyncAsync();
        await a.SyncAsync(); // Its offer finds the value free.
        await b.SyncAsync();
        await lost.World.RestoreServerAsync();
        await DiscardAsync(b);
        await Steps.UntilQuietAsync(b);
        Assert.Empty(b.Rows("SELECT id FROM note"));
        await Steps.UntilQuietAsync(a, b);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    [Trait("req", "PULL-10")]
    public async Task A_row_that_a_restored_server_would_not_take_again_goes_with_what_was_made_below_it()
    {
        await using var lost = await LostWorld.StartAsync(Teams);
        var (a, b) = (lost.A, lost.B);
        a.Sql("INSERT INTO team VALUES('t1', 'red')");
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE team SET code = 'pink'; INSERT INTO player VALUES('p', 't1', 'ann')");
        await lost.RestoreAndWriteAsync("INSERT INTO team VALUES('t9', 'red')");
        await DiscardAsync(b, expected: 2);
        Assert.Empty(b.Rows("SELECT * FROM pragma_foreign_key_check"));
        await DiscardAsync(a, syncs: 1);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["t9"], a.Rows("SELECT id FROM team"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    [Trait("req", "PULL-10")]
    public async Task A_row_whose_deletion_has_come_since_is_not_brought_back_by_an_older_refusal()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', NULL, NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO note VALUES('n2', 'two', NULL, 'x')");
        await a.SyncAsync();
        await world.BackUpServerAsync();
        b.Sql("UPDATE note SET title = 'edited' WHERE id = 'n1'");
        await b.SyncAsync(SyncMode.PushOnly);
        b.Sql("UPDATE note SET slug = 'x' WHERE id = 'n1'");
        await b.SyncAsync(SyncMode.PushOnly);
        await a.SyncAsync();
        a.Sql("DELETE FROM note WHERE id = 'n1'");
        await a.SyncAsync();
        await world.RestoreServerAsync();
        await a.SyncAsync();
        await DiscardAsync(b);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["n2"], b.Rows("SELECT id FROM note"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    [Trait("req", "PUSH-02")]
    public async Task A_row_of_the_server_that_comes_back_is_not_taken_for_the_one_that_was_made_in_its_place()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE thing(id INTEGER PRIMARY KEY, code TEXT UNIQUE); INSERT INTO thing VALUES(1, 'red'), (2, 'blue');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO thing VALUES(3, 'green')");
        await a.SyncAsync();
        b.Sql("UPDATE thing SET code = 'green' WHERE id = 1");
        await b.SyncAsync(SyncMode.PushOnly);
        b.Sql("DELETE FROM thing WHERE id = 1; INSERT INTO thing VALUES(1, 'new')");
        await DiscardAsync(b);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|red", "2|blue", "3|green"], a.Rows("SELECT * FROM thing ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    internal static async Task DiscardAsync(Device device, int syncs = 2, int expected = 1)
    {
        for (var i = 0; i < syncs; i++)
        {
            await device.SyncAsync();
        }

        var letters = new StoreInspector(device.Store).DeadLetters().ToList();
        Assert.Equal(expected, letters.Count);
        foreach (var letter in letters)
        {
            await device.Store.DiscardAsync(letter.Id, TestContext.Current.CancellationToken);
        }
    }
}
