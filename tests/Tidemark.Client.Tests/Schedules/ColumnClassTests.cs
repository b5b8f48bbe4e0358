using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>Values whose class the device's column would change: found by fuzzing of answers.</summary>
public sealed class ColumnClassTests
{
    [Fact]
    [Trait("req", "PULL-09")]
    public async Task A_number_that_another_program_puts_where_the_device_holds_text_is_put_aside_with_the_reason_until_it_is_mended()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note(id, title) VALUES('n1', 'one'), ('n2', 'two');");
        await Steps.UntilQuietAsync(a);

        await OnServerAsync(world, "UPDATE note SET title = 5 WHERE id = 'n1'; UPDATE note SET title = 'other' WHERE id = 'n2'");
        await a.SyncAsync();
        var aside = Assert.Single(a.Store.EngineSession.Aside.ReadAll());
        Assert.Equal(AsideCause.Unreadable, aside.Cause);
        Assert.Contains("note.title: 5 comes as Integer", aside.Detail, StringComparison.Ordinal);
        Assert.Equal(["n1|one", "n2|other"], a.Rows("SELECT id, title FROM note ORDER BY id"));

        await OnServerAsync(world, "UPDATE note SET title = 'five' WHERE id = 'n1'");
        await Steps.UntilQuietAsync(a);
        Assert.Equal(["n1|five", "n2|other"], a.Rows("SELECT id, title FROM note ORDER BY id"));
        a.AssertQuiet();
    }

    private static async Task OnServerAsync(World world, string sql)
    {
        await world.StopServerAsync();
        using (var server = SqliteFile.Open(Path.Combine(world.ServerFolder, "tidemark.db"), new OpenOptions()))
        {
            server.Run(sql);
        }

        await world.StartServerAsync();
    }
}
