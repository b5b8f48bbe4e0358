using Tidemark.Client.Coordination;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>A row gets another key here while somebody else changes it: both changes stand, under the new key.</summary>
public sealed class RenamedRowTests
{
    private const string Schema = """
        CREATE TABLE folder(id TEXT PRIMARY KEY, name TEXT, code TEXT UNIQUE);
        CREATE TABLE note(id TEXT PRIMARY KEY, folder_id TEXT NOT NULL REFERENCES folder(id) ON UPDATE CASCADE);
        INSERT INTO folder VALUES('f1', 'one', 'red');
        INSERT INTO note VALUES('n', 'f1');
        """;

    [Theory]
    [InlineData(SyncMode.Full)]
    [InlineData(SyncMode.PullOnly)]
    [Trait("req", "CON-05")]
    [Trait("req", "PULL-06")]
    public async Task What_changed_elsewhere_goes_into_the_row_under_its_new_key(SyncMode first)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schema);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE folder SET name = 'uno'");
        await b.SyncAsync();
        a.Sql("PRAGMA foreign_keys = ON; UPDATE folder SET id = 'f9'");
        await a.SyncAsync(first);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["f9|uno|red"], b.Rows("SELECT * FROM folder"));
        Assert.Equal(["n|f9"], b.Rows("SELECT * FROM note"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData(SyncMode.Full)]
    [InlineData(SyncMode.PullOnly)]
    [Trait("req", "CON-05")]
    [Trait("req", "PUSH-02")]
    public async Task The_same_new_key_here_and_there_does_not_take_back_what_was_edited_there(SyncMode first)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schema);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("PRAGMA foreign_keys = ON; UPDATE folder SET id = 'f9', code = 'blue'");
        b.Sql("PRAGMA foreign_keys = ON; UPDATE folder SET id = 'f9'");
        await b.SyncAsync();
        b.Sql("UPDATE folder SET name = 'uno'");
        await b.SyncAsync();
        await a.SyncAsync(first);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["f9|uno|blue"], b.Rows("SELECT * FROM folder"));
        Assert.Equal(["n|f9"], b.Rows("SELECT * FROM note"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData(SyncMode.Full)]
    [InlineData(SyncMode.PullOnly)]
    [Trait("req", "INT-01")]
    [Trait("req", "PULL-06")]
    public async Task A_row_with_another_key_here_does_not_follow_an_edit_there_below_a_row_that_was_deleted_here(SyncMode first)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schema + "INSERT INTO folder VALUES('f2', 'two', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE note SET folder_id = 'f2'");
        await b.SyncAsync();
        a.Sql("UPDATE note SET id = 'm'; DELETE FROM folder WHERE id = 'f2'");
        await a.SyncAsync(first);
        Assert.Equal(0, a.Count("SELECT count(*) FROM note WHERE folder_id NOT IN (SELECT id FROM folder)"));
        await a.SyncAsync();
        await a.Store.DiscardAsync(Assert.Single(new Tidemark.Client.Inspection.StoreInspector(a.Store).DeadLetters()).Id, TestContext.Current.CancellationToken); // The deletion: the note is below the folder.
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["m|f2"], a.Rows("SELECT * FROM note"));
        Assert.Equal(["f1", "f2"], b.Rows("SELECT id FROM folder ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData("UNIQUE")]
    [InlineData("")]
    [Trait("req", "PULL-06")]
    [Trait("req", "CON-08")]
    public async Task A_row_with_another_key_here_is_not_brought_back_under_the_former_one_for_its_childs_sake(string unique)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", $"""
            CREATE TABLE folder(id TEXT PRIMARY KEY, name TEXT, code TEXT {unique});
            CREATE TABLE note(id TEXT PRIMARY KEY, folder_id TEXT NOT NULL REFERENCES folder(id) ON UPDATE CASCADE, word TEXT);
            INSERT INTO folder VALUES('f1', 'one', 'red');
            INSERT INTO note VALUES('n', 'f1', 'first');
            """);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE folder SET name = 'uno'; UPDATE note SET word = 'second'");
        await b.SyncAsync();
        a.Sql("PRAGMA foreign_keys = ON; UPDATE folder SET id = 'f9'; DELETE FROM note");
        await a.SyncAsync(SyncMode.PushOnly);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["f9|uno|red"], b.Rows("SELECT * FROM folder"));
        Assert.Equal(["n|f9|second"], a.Rows("SELECT * FROM note"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "INT-01")]
    public async Task A_new_child_under_the_former_key_waits_until_the_rename_is_told()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schema);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE folder SET name = 'uno'; INSERT INTO note VALUES('m', 'f1')");
        await b.SyncAsync();
        a.Sql("PRAGMA foreign_keys = ON; UPDATE folder SET id = 'f9'");
        await a.SyncAsync(SyncMode.PullOnly);
        Assert.Equal(0, a.Count("SELECT count(*) FROM note WHERE folder_id NOT IN (SELECT id FROM folder)"));
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["m|f9", "n|f9"], a.Rows("SELECT * FROM note ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-02")]
    public async Task A_child_moved_below_a_row_whose_new_key_is_refused_does_not_end_below_the_row_that_has_it()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schema + "INSERT INTO folder VALUES('f2', 'two', NULL); INSERT INTO note VALUES('m', 'f2');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("INSERT INTO folder VALUES('f9', 'of b', NULL)");
        await b.SyncAsync();
        a.Sql("PRAGMA foreign_keys = ON; UPDATE folder SET id = 'f9' WHERE id = 'f1'; UPDATE note SET folder_id = 'f9' WHERE id = 'm'");
        await a.SyncAsync();
        await a.SyncAsync();
        await b.SyncAsync();
        Assert.Equal(["m|f2", "n|f1"], b.Rows("SELECT * FROM note ORDER BY id"));
        await a.Store.DiscardAsync(Assert.Single(new Tidemark.Client.Inspection.StoreInspector(a.Store).DeadLetters()).Id, TestContext.Current.CancellationToken);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["m|f1", "n|f1"], b.Rows("SELECT * FROM note ORDER BY id"));
        Assert.Equal(["f1|one", "f2|two", "f9|of b"], a.Rows("SELECT id, name FROM folder ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-06")]
    [Trait("req", "INT-01")]
    public async Task A_child_made_here_below_a_row_that_got_another_key_elsewhere_follows_it_where_a_unique_value_names_it()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schema);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("PRAGMA foreign_keys = ON; UPDATE folder SET id = 'f9'");
        await b.SyncAsync();
        a.Sql("INSERT INTO note VALUES('m', 'f1')");
        await a.SyncAsync(SyncMode.PullOnly);
        Assert.Equal(["m|f9", "n|f9"], a.Rows("SELECT * FROM note ORDER BY id"));
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["f9|one|red"], b.Rows("SELECT * FROM folder"));
        Assert.Equal(["m|f9", "n|f9"], b.Rows("SELECT * FROM note ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [Trait("req", "MOD-03")]
    [Trait("req", "PUSH-06")]
    [InlineData("INTEGER")]
    [InlineData("TEXT")]
    public async Task A_change_of_key_that_falls_into_the_next_batch_is_no_deletion(string keys)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", $"CREATE TABLE team(id {keys} PRIMARY KEY, name TEXT); CREATE TABLE player(id TEXT PRIMARY KEY, team_id {keys} NOT NULL REFERENCES team(id) ON UPDATE CASCADE ON DELETE CASCADE, name TEXT); INSERT INTO team VALUES(1, 'red');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO player VALUES('p', 1, 'ann')"); // Which b has never seen.
        await a.SyncAsync();

        // A batch of 1,000 commands ends between the first edit of the row and the change of its key.
        b.Sql("UPDATE team SET name = 'redder'; WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) INSERT INTO team SELECT i, 'x' || i FROM n; UPDATE team SET id = 5 WHERE id = 1");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["p|5|redder"], b.Rows("SELECT p.id, t.id, t.name FROM player p JOIN team t ON t.id = p.team_id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "MOD-03")]
    [Trait("req", "PUSH-07")]
    public async Task Two_rows_that_refer_to_each_other_both_get_other_keys()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE node(id TEXT PRIMARY KEY, peer TEXT REFERENCES node(id) ON UPDATE CASCADE); INSERT INTO node VALUES('one', NULL), ('two', 'one'); UPDATE node SET peer = 'two' WHERE id = 'one';");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("PRAGMA foreign_keys = ON; UPDATE node SET id = 'first' WHERE id = 'one'; UPDATE node SET id = 'second' WHERE id = 'two'; INSERT INTO node VALUES('third', 'first')");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["first|second", "second|first", "third|first"], b.Rows("SELECT id, peer FROM node ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-08")]
    [Trait("req", "INT-01")]
    public async Task A_new_child_does_not_go_below_a_renamed_row_that_cannot_come_yet()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE person(id TEXT PRIMARY KEY, code TEXT UNIQUE); CREATE TABLE place(id TEXT PRIMARY KEY, person_id TEXT NOT NULL REFERENCES person(id) ON UPDATE CASCADE, name TEXT); INSERT INTO person VALUES('p1', 'blue'); INSERT INTO place VALUES('s1', 'p1', NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE place SET name = 'on its way'");
        b.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropRequest : Fault.None;
        await b.TrySyncAsync(SyncMode.PushOnly);
        b.Network.Decide = _ => Fault.None;
        b.Sql("INSERT INTO place VALUES('s2', 'p1', 'new')");
        a.Sql("PRAGMA foreign_keys = ON; UPDATE person SET id = 'p2'");
        await a.SyncAsync();

        // The row under its new key waits for its value, which waits for the old one to go, which waits for the child whose edit has no answer.
        await b.SyncAsync(SyncMode.PullOnly);
        Assert.Equal(["s1|p1", "s2|p1"], b.Rows("SELECT place.id, person.id FROM place LEFT JOIN person ON person.id = person_id ORDER BY place.id"));
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["s1|p2|on its way", "s2|p2|new"], a.Rows("SELECT * FROM place ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "MOD-03")]
    [Trait("req", "PUSH-06")]
    public async Task A_change_of_key_that_meets_a_conflict_and_falls_behind_a_batch_of_edits_is_no_deletion()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', NULL, NULL);");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE note SET title = 'of b'");
        await b.SyncAsync();
        a.Sql("UPDATE note SET id = 'n2'");
        a.DuringNextPush("UPDATE note SET body = 'of a'; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) INSERT INTO note SELECT 'x' || i, NULL, NULL, NULL FROM n");
        await a.SyncAsync(SyncMode.PushOnly);
        Assert.DoesNotContain(a.Network.PushBodies, p => p.Contains("\"DELETE\"", StringComparison.Ordinal));
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["n2|of b|of a|NULL"], b.Rows("SELECT * FROM note WHERE id LIKE 'n%'"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-06")]
    public async Task A_page_that_was_fetched_before_a_change_of_key_does_not_bring_the_row_back_under_its_former_one()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE shelf(id TEXT PRIMARY KEY, name TEXT); INSERT INTO shelf VALUES('s1', 'one');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE shelf SET name = 'uno'");
        await b.SyncAsync(SyncMode.PushOnly);
        a.Sql("INSERT INTO shelf VALUES('s2', 'two')");
        await a.SyncAsync();
        b.Options.Pull.PageRowsMax = 1;
        var pages = 0;
        b.Network.Decide = path => path.EndsWith("/changes", StringComparison.Ordinal) && ++pages == 2 ? Fault.DropRequest : Fault.None;
        await b.TrySyncAsync(SyncMode.PullOnly); // Has the first page, which has the row, and goes on where it broke off.
        b.Sql("UPDATE shelf SET id = 's9' WHERE id = 's1'");
        await b.SyncAsync();
        Assert.Equal(["s2|two", "s9|uno"], b.Rows("SELECT * FROM shelf ORDER BY id"));
        await Steps.UntilQuietAsync(a, b);
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData(SyncMode.Full, "TEXT", "'s1'", "'s9'")]
    [InlineData(SyncMode.PushOnly, "TEXT", "'s1'", "'s9'")]
    [InlineData(SyncMode.Full, "INTEGER", "1", "9")]
    [InlineData(SyncMode.PushOnly, "INTEGER", "1", "9")]
    [Trait("req", "PUSH-02")]
    public async Task A_row_that_gets_its_former_key_back_keeps_what_only_others_know_below_it(SyncMode first, string type, string former, string key)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", $"""
            CREATE TABLE shelf(id {type} PRIMARY KEY, name TEXT);
            CREATE TABLE box(id TEXT PRIMARY KEY, shelf_id {type} NOT NULL REFERENCES shelf(id) ON UPDATE CASCADE ON DELETE CASCADE);
            INSERT INTO shelf VALUES({former}, 'one');
            """);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql($"UPDATE shelf SET id = {key}");
        await a.SyncAsync(first);
        await b.SyncAsync();
        b.Sql($"INSERT INTO box VALUES('x', {key})");
        await b.SyncAsync();
        a.Sql($"UPDATE shelf SET id = {former}");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal([$"x|{former.Trim('\'')}"], a.Rows("SELECT * FROM box"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData("NOT NULL")]
    [InlineData("")]
    [Trait("req", "PULL-06")]
    [Trait("req", "PUSH-05")]
    public async Task A_row_stays_under_an_id_that_its_change_of_key_asks_for_when_what_is_below_it_comes_before_the_answer(string required)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", $"""
            CREATE TABLE team(id INTEGER PRIMARY KEY, name TEXT UNIQUE);
            CREATE TABLE player(id TEXT PRIMARY KEY, team_id INTEGER {required} REFERENCES team(id) ON UPDATE CASCADE);
            INSERT INTO team VALUES(7, 'red');
            """);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("UPDATE team SET id = 123");
        a.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropResponse : Fault.None;
        await a.TrySyncAsync(SyncMode.PushOnly);
        a.Network.Decide = _ => Fault.None;
        await b.SyncAsync();
        b.Sql("INSERT INTO player VALUES('p', 123)");
        await b.SyncAsync();
        await a.SyncAsync(SyncMode.PullOnly);
        Assert.Equal(["123|red"], a.Rows("SELECT * FROM team"));
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["123|red"], a.Rows("SELECT * FROM team"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-02")]
    [Trait("req", "MOD-03")]
    public async Task A_change_of_key_that_waited_for_a_refused_parent_goes_with_the_edit_that_takes_the_row_off_it()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", """
            CREATE TABLE shelf(id TEXT PRIMARY KEY, slug TEXT UNIQUE);
            CREATE TABLE book(code TEXT PRIMARY KEY, shelf_id TEXT REFERENCES shelf(id), note TEXT);
            CREATE TABLE page(id TEXT PRIMARY KEY, book TEXT NOT NULL REFERENCES book(code) ON DELETE CASCADE ON UPDATE CASCADE);
            INSERT INTO book VALUES('old', NULL, NULL);
            """);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        b.Sql("INSERT INTO shelf VALUES('s1', 'x'); INSERT INTO page VALUES('p', 'old')");
        await b.SyncAsync();
        a.Sql("INSERT INTO shelf VALUES('s2', 'x'); UPDATE book SET code = 'new', shelf_id = 's2'");
        await a.SyncAsync(SyncMode.PushOnly);
        a.Options.Push.BatchCommandsMax = 1;
        a.Sql("INSERT INTO book VALUES('b1', NULL, NULL), ('b2', NULL, NULL), ('b3', NULL, NULL)");
        a.DuringNextPush("UPDATE book SET note = 'edited', shelf_id = NULL WHERE code = 'new'"); // The notes of the change of key belong to an earlier batch.
        await a.SyncAsync(SyncMode.PushOnly);
        await b.SyncAsync();
        Assert.Equal(["new|NULL|edited"], b.Rows("SELECT * FROM book WHERE code NOT LIKE 'b_'"));
        Assert.Equal(["p|new"], b.Rows("SELECT * FROM page"));
    }
}
