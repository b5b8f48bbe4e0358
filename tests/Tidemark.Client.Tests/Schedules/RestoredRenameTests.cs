using Tidemark.Client.Coordination;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>A change of key that a restored server has lost comes back before what else was lost of the row, or of those below it.</summary>
public sealed class RestoredRenameTests
{
    private const string Schema = """
        CREATE TABLE team(id INTEGER PRIMARY KEY, friend INTEGER REFERENCES team(id) ON UPDATE CASCADE, word TEXT);
        CREATE TABLE player(id TEXT PRIMARY KEY, team_id INTEGER NOT NULL REFERENCES team(id) ON UPDATE CASCADE, word TEXT);
        """;

    [Theory]
    [InlineData("UPDATE author SET name = 'edited'", false)]
    [InlineData("DELETE FROM author; INSERT INTO author VALUES(104, 'edited', NULL)", false)]
    [InlineData("UPDATE author SET name = 'edited'", true)]
    [InlineData("DELETE FROM author; INSERT INTO author VALUES(104, 'edited', NULL)", true)]
    [Trait("req", "PULL-10")]
    [Trait("req", "PUSH-09")]
    public async Task An_edit_of_a_row_that_comes_back_under_its_former_key_is_kept(string edit, bool isDeletedThere)
    {
        await using var lost = await LostWorld.StartAsync();
        var (a, b) = (lost.A, lost.B);
        b.Sql("INSERT INTO author VALUES(1, 'ann', NULL)");
        await Steps.UntilQuietAsync(b, a);
        a.Sql("UPDATE author SET id = 104");
        await a.SyncAsync();
        await lost.World.RestoreServerAsync();
        await b.SyncAsync(SyncMode.PushOnly);
        if (isDeletedThere)
        {
            b.Sql("DELETE FROM author");
            await b.SyncAsync(SyncMode.PushOnly);
        }

        a.Sql(edit);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["edited"], b.Rows("SELECT name FROM author"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData(true, false, 1)]
    [InlineData(false, false, 1)]
    [InlineData(true, true, 1)]
    [InlineData(false, true, 1)]
    [InlineData(true, true, 100)]
    [Trait("req", "PULL-10")]
    [Trait("req", "CON-05")]
    public async Task An_edit_that_brings_a_row_back_under_its_former_key_is_one_of_the_row_that_stands_there_after_the_restore(bool isOnItsWay, bool isWrittenThere, int commandsMax)
    {
        await using var lost = await LostWorld.StartAsync();
        var (a, b) = (lost.A, lost.B);
        a.Sql("INSERT INTO author VALUES(1, 'ann', NULL)");
        await Steps.UntilQuietAsync(a, b);
        await lost.World.BackUpServerAsync();
        a.Sql("UPDATE author SET id = 104");
        await a.SyncAsync();
        b.Sql("UPDATE author SET note = 'edited'");
        await b.SyncAsync(SyncMode.PullOnly); // Both keys stand for it now, and the one it had is still to be made anew.
        if (isOnItsWay)
        {
            b.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropRequest : Fault.None;
            await b.TrySyncAsync(SyncMode.PushOnly);
            b.Network.Decide = _ => Fault.None;
        }

        b.Options.Push.BatchCommandsMax = commandsMax;
        await lost.RestoreAndWriteAsync(isWrittenThere ? "UPDATE author SET name = 'since'" : "INSERT INTO author VALUES(2, 'ben', NULL)");
        await Steps.UntilQuietAsync(b, a);
        Assert.Contains("edited", b.Rows("SELECT note FROM author"));
        if (isWrittenThere)
        {
            Assert.Equal(["1|since|edited"], b.Rows("SELECT * FROM author"));
        }

        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [Trait("req", "PULL-10")]
    [Trait("req", "CON-05")]
    public async Task Of_two_keys_of_one_row_the_newer_content_stands_and_nobody_sends_the_older(int commandsMax)
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        b.Sql("PRAGMA foreign_keys = ON; UPDATE team SET id = 103; UPDATE team SET word = 'older'");
        await b.SyncAsync();
        a.Sql("UPDATE team SET word = 'newer'");
        await Steps.UntilQuietAsync(a, b); // Both keys stand for it now.
        await world.RestoreServerAsync();
        a.Options.Push.BatchCommandsMax = b.Options.Push.BatchCommandsMax = commandsMax;
        await a.SyncAsync();
        Assert.DoesNotContain(a.Network.PushBodies, p => p.Contains("\"UPDATE\"", StringComparison.Ordinal) && p.Contains("older", StringComparison.Ordinal));
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["1|1|newer", "103|103|older"], a.Rows("SELECT * FROM team"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("req", "PULL-10")]
    public async Task What_was_lost_of_a_child_comes_back_after_its_parents_new_key(bool renamerFirst)
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        a.Sql("PRAGMA foreign_keys = ON; UPDATE team SET id = 103");
        await a.SyncAsync();
        b.Sql("UPDATE player SET word = 'anna'");
        await Steps.UntilQuietAsync(b);
        await world.RestoreServerAsync();
        a.Options.Push.BatchCommandsMax = b.Options.Push.BatchCommandsMax = 1;
        await Steps.UntilQuietAsync(renamerFirst ? [a, b] : [b, a]);
        Assert.Equal(["p|103|anna"], a.Rows("SELECT * FROM player"));
        Assert.Equal(["103|103|red"], a.Rows("SELECT * FROM team"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("req", "PULL-10")]
    [Trait("req", "CON-05")]
    public async Task A_row_that_was_brought_back_under_its_former_key_keeps_what_was_edited_there(bool renamerFirst)
    {
        await using var world = await World.StartAsync();
        var (a, b) = await StartAsync(world);
        a.Sql("PRAGMA foreign_keys = ON; UPDATE team SET id = 103");
        await a.SyncAsync();
        b.Sql("UPDATE team SET word = 'redder'");
        await Steps.UntilQuietAsync(b); // Both keys stand for it now.
        b.Sql("UPDATE team SET word = 'reddest' WHERE id = 1");
        await world.RestoreServerAsync();
        a.Options.Push.BatchCommandsMax = b.Options.Push.BatchCommandsMax = 1;
        await Steps.UntilQuietAsync(renamerFirst ? [a, b] : [b, a]);
        Assert.Contains("reddest", a.Rows("SELECT word FROM team"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData(true, "")]
    [InlineData(false, "")]
    [InlineData(true, "ON DELETE CASCADE")]
    [InlineData(false, "ON DELETE CASCADE")]
    [Trait("req", "PULL-10")]
    public async Task A_row_whose_key_names_it_comes_back_under_its_new_one_with_all_below_it(bool renamerFirst, string rule)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", $"""
            CREATE TABLE shop(id TEXT PRIMARY KEY, code TEXT UNIQUE);
            CREATE TABLE shelf(id TEXT PRIMARY KEY, shop_id TEXT NOT NULL REFERENCES shop(id) ON UPDATE CASCADE {rule}, word TEXT);
            INSERT INTO shop VALUES('s2', 'blue');
            INSERT INTO shelf VALUES('x', 's2', 'one'), ('y', 's2', 'two');
            """);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        await world.BackUpServerAsync();
        a.Sql("PRAGMA foreign_keys = ON; UPDATE shop SET id = 's7'");
        await a.SyncAsync();
        await world.RestoreServerAsync();
        b.Sql("UPDATE shelf SET word = 'uno' WHERE id = 'x'");
        await Steps.UntilQuietAsync(renamerFirst ? [a, b] : [b, a]);
        Assert.Equal(["s7|blue"], b.Rows("SELECT * FROM shop"));
        Assert.Equal(["x|s7|uno", "y|s7|two"], b.Rows("SELECT * FROM shelf ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task Rows_that_have_taken_each_others_unique_values_come_back_together()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', NULL, 'x'), ('n2', 'two', NULL, 'y');");
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        await world.BackUpServerAsync();
        a.Sql("UPDATE note SET slug = NULL; UPDATE note SET slug = 'y' WHERE id = 'n1'; UPDATE note SET slug = 'x' WHERE id = 'n2'");
        await a.SyncAsync();
        await world.RestoreServerAsync();
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["n1|y", "n2|x"], b.Rows("SELECT id, slug FROM note ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task Rows_that_need_each_other_come_back_together()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", """
            CREATE TABLE crew(id TEXT PRIMARY KEY, lead_id TEXT NOT NULL REFERENCES sailor(id) DEFERRABLE INITIALLY DEFERRED);
            CREATE TABLE sailor(id TEXT PRIMARY KEY, crew_id TEXT NOT NULL REFERENCES crew(id) DEFERRABLE INITIALLY DEFERRED);
            """);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        await world.BackUpServerAsync();
        a.Sql("BEGIN; INSERT INTO crew VALUES('c', 's'); INSERT INTO sailor VALUES('s', 'c'), ('t', 'c'); COMMIT");
        await Steps.UntilQuietAsync(a, b);
        await world.RestoreServerAsync();
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["s|c", "t|c"], b.Rows("SELECT * FROM sailor ORDER BY id"));
        Steps.AssertEqual(a, b);
        var c = world.Clone("c", a);
        await Steps.UntilQuietAsync(c);
        Assert.Equal(["s|c", "t|c"], c.Rows("SELECT * FROM sailor ORDER BY id"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("req", "PULL-10")]
    [Trait("req", "CON-05")]
    public async Task The_same_new_key_there_and_on_its_way_here_does_not_take_back_what_was_edited_there(bool isOnItsWay)
    {
        await using var lost = await LostWorld.StartAsync("CREATE TABLE shop(id TEXT PRIMARY KEY, word TEXT, code TEXT);");
        var (a, b) = (lost.A, lost.B);
        a.Sql("INSERT INTO shop VALUES('s1', 'one', 'red')");
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE shop SET id = 's9', code = 'blue'");
        if (isOnItsWay)
        {
            b.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropRequest : Fault.None;
            await b.TrySyncAsync(SyncMode.PushOnly);
            b.Network.Decide = _ => Fault.None;
        }

        a.Sql("UPDATE shop SET id = 's9'");
        await a.SyncAsync();
        await lost.World.RestoreServerAsync();
        await Steps.UntilQuietAsync(a);
        a.Sql("UPDATE shop SET word = 'uno'");
        await a.SyncAsync();
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["s9|uno|blue"], a.Rows("SELECT * FROM shop"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData("id TEXT PRIMARY KEY", "'s1'", "'s9'", 1)]
    [InlineData("id TEXT PRIMARY KEY", "'s1'", "'s9'", 100)]
    [InlineData("id INTEGER PRIMARY KEY", "1", "9", 1)]
    [InlineData("id INTEGER PRIMARY KEY", "1", "9", 100)]
    [Trait("req", "PULL-10")]
    [Trait("req", "CON-05")]
    public async Task What_an_offer_of_the_former_key_is_answered_goes_into_the_row_whose_new_key_is_on_its_way(string id, string former, string key, int commandsMax)
    {
        await using var lost = await LostWorld.StartAsync($"CREATE TABLE shop({id}, word TEXT, code TEXT);");
        var (a, b) = (lost.A, lost.B);
        a.Sql($"INSERT INTO shop VALUES({former}, 'one', 'red')");
        await Steps.UntilQuietAsync(a, b);
        b.Sql($"UPDATE shop SET id = {key}, code = 'blue'");
        b.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropRequest : Fault.None;
        await b.TrySyncAsync(SyncMode.PushOnly);
        a.Sql("UPDATE shop SET word = 'newer'");
        await a.SyncAsync();
        await lost.World.RestoreServerAsync();
        await a.SyncAsync();
        b.Options.Push.BatchCommandsMax = commandsMax;
        await b.SyncAsync();
        Assert.Equal([$"{key.Trim('\'')}|newer|blue"], b.Rows("SELECT * FROM shop"));
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal([$"{key.Trim('\'')}|newer|blue"], a.Rows("SELECT * FROM shop"));
        Steps.AssertEqual(a, b);
    }

    private static async Task<(Device A, Device B)> StartAsync(World world)
    {
        var a = world.Adopt("a", Schema);
        var b = world.Clone("b", a);
        a.Sql("INSERT INTO team VALUES(1, 1, 'red'); INSERT INTO player VALUES('p', 1, 'ann')");
        await Steps.UntilQuietAsync(a, b);
        await world.BackUpServerAsync();
        return (a, b);
    }
}
