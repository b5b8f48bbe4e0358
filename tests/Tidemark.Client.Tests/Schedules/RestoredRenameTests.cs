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
