using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Schedules;

/// <summary>Edits of two devices that were apart, as people make them with the sqlite3 shell.</summary>
public sealed class OfflineEditsTests
{
    [Fact]
    [Trait("req", "PUSH-06")]
    [Trait("req", "MOD-03")]
    public async Task Colliding_integer_ids_with_children_on_both_sides_keep_their_own_children()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var _ = world;
        foreach (var (device, name) in new[] { (first, "a"), (second, "b") })
        {
            await SqliteShell.RunAsync(device.Database, $"INSERT INTO folders(name) VALUES('of {name}'); INSERT INTO notes SELECT '{name}' || n.value, max(id), 'of {name}', 1 FROM folders, (SELECT 1 AS value UNION SELECT 2) n GROUP BY n.value;");
        }

        await SettleAsync(first, second);
        Assert.Equal(0, await SqliteShell.CountAsync(first.Database, "SELECT count(*) FROM notes n JOIN folders f ON f.id = n.folder_id WHERE n.text LIKE 'of %' AND n.text <> f.name"));
        Assert.Equal(4, await SqliteShell.CountAsync(first.Database, "SELECT count(*) FROM notes WHERE text LIKE 'of %'"));
        Assert.Equal(2, await SqliteShell.CountAsync(first.Database, "SELECT count(*) FROM folders WHERE name LIKE 'of %'"));
    }

    [Fact]
    [Trait("req", "PUSH-03")]
    [Trait("speed", "slow")]
    public async Task A_swap_of_unique_values_arrives_as_a_swap()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var _ = world;
        await SqliteShell.RunAsync(first.Database, "BEGIN; UPDATE folders SET name = 'x' WHERE id = 1; UPDATE folders SET name = 'inbox' WHERE id = 2; UPDATE folders SET name = 'old' WHERE id = 1; COMMIT;");
        await SettleAsync(first, second);
        Assert.Equal("old", await SqliteShell.TextAsync(second.Database, "SELECT name FROM folders WHERE id = 1"));
        Assert.Equal("inbox", await SqliteShell.TextAsync(second.Database, "SELECT name FROM folders WHERE id = 2"));
    }

    [Fact]
    [Trait("req", "STO-01")]
    [Trait("speed", "slow")]
    public async Task Or_replace_over_a_unique_index_throws_the_other_row_out_everywhere()
    {
        var (world, first, second) = await World.OfAsync("CREATE TABLE tags(id TEXT PRIMARY KEY NOT NULL, name TEXT UNIQUE, note TEXT); INSERT INTO tags VALUES('t1', 'red', '1'), ('t2', 'blue', '2');");
        await using var _ = world;
        await SqliteShell.RunAsync(first.Database, "INSERT OR REPLACE INTO tags VALUES('t3', 'red', 'new'); UPDATE OR REPLACE tags SET name = 'blue' WHERE id = 't3';");
        await SettleAsync(first, second);
        Assert.Equal("t3|blue|new", await SqliteShell.TextAsync(second.Database, "SELECT * FROM tags"));
    }

    [Fact]
    [Trait("req", "CON-07")]
    [Trait("req", "CON-01")]
    [Trait("speed", "slow")]
    public async Task Edits_of_different_fields_both_survive_and_of_the_same_field_the_later()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var _ = world;
        await SqliteShell.RunAsync(first.Database, "UPDATE notes SET text = 'from a', size = 11 WHERE id = 'n1';");
        await SqliteShell.RunAsync(second.Database, "UPDATE notes SET text = 'from b', folder_id = 2 WHERE id = 'n1';");
        await SettleAsync(first, second);
        Assert.Equal("n1|2|from b|11", await SqliteShell.TextAsync(first.Database, "SELECT * FROM notes WHERE id = 'n1'"));
    }

    [Fact]
    [Trait("req", "SRV-13")]
    [Trait("req", "PUSH-07")]
    [Trait("speed", "slow")]
    public async Task A_refused_delete_that_cascaded_locally_comes_back_with_its_children()
    {
        const string schema = """
            CREATE TABLE folders(id TEXT PRIMARY KEY NOT NULL, name TEXT);
            CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, folder_id TEXT NOT NULL REFERENCES folders(id) ON DELETE CASCADE, text TEXT);
            CREATE TABLE locks(id TEXT PRIMARY KEY NOT NULL, folder_id TEXT NOT NULL REFERENCES folders(id) ON DELETE RESTRICT);
            INSERT INTO folders VALUES('f1', 'one');
            INSERT INTO notes VALUES('n1', 'f1', 'first'), ('n2', 'f1', 'second');
            """;
        var (world, first, second) = await World.OfAsync(schema);
        await using var _ = world;
        await SqliteShell.RunAsync(first.Database, "INSERT INTO locks VALUES('l1', 'f1');");
        await SqliteShell.RunAsync(second.Database, "DELETE FROM folders;");
        await first.SyncAsync();
        await Convergence.SyncUntilQuietAsync(second, first);
        await TidemarkCommand.RunAsync("dead-letters", "discard", second.Database, "all");
        await SettleAsync(first, second);
        Assert.Equal(2, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM notes"));
        Assert.Equal(1, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM folders"));
    }

    [Fact]
    [Trait("req", "STO-01")]
    [Trait("req", "STO-14")]
    [Trait("speed", "slow")]
    public async Task Triggers_of_the_app_that_write_synced_rows_fire_once_and_not_on_the_other_device_again()
    {
        const string schema = """
            CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, text TEXT);
            CREATE TABLE edits(id INTEGER PRIMARY KEY, note TEXT NOT NULL);
            CREATE TRIGGER notes_edited AFTER UPDATE ON notes BEGIN INSERT INTO edits(note) VALUES(new.id); END;
            INSERT INTO notes VALUES('n1', 'first');
            """;
        var (world, first, second) = await World.OfAsync(schema);
        await using var _ = world;
        await SqliteShell.RunAsync(first.Database, "UPDATE notes SET text = 'edited' WHERE id = 'n1';");
        await SettleAsync(first, second);
        Assert.Equal(1, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM edits"));
        await SqliteShell.RunAsync(second.Database, "UPDATE notes SET text = 'edited again' WHERE id = 'n1';");
        await SettleAsync(first, second);
        Assert.Equal(2, await SqliteShell.CountAsync(first.Database, "SELECT count(*) FROM edits"));
    }

    [Fact]
    [Trait("req", "PULL-12")]
    [Trait("speed", "slow")]
    public async Task A_run_that_would_delete_most_rows_stops_and_asks()
    {
        const string schema = """
            CREATE TABLE notes(id INTEGER PRIMARY KEY, text TEXT);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO notes SELECT i, 'note ' || i FROM n;
            """;
        var (world, first, second) = await World.OfAsync(schema);
        await using var _ = world;
        await SqliteShell.RunAsync(first.Database, "DELETE FROM notes WHERE id > 10;");
        await first.SyncAsync();
        var asked = (await second.RunAsync("sync", "--json")).Expect(1).Json();
        Assert.Equal("DELETE_LIMIT", asked.GetProperty("error").GetProperty("code").GetString());
        Assert.Equal(3000, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM notes"));
        (await second.RunAsync("sync", "--allow-deletes")).Expect(0);
        await SettleAsync(first, second);
        Assert.Equal(10, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM notes"));
    }

    private static async Task SettleAsync(Device first, Device second)
    {
        await Convergence.SyncUntilQuietAsync(first, second);
        await Chinook.ChinookTests.AssertSettledAsync(first, second);
    }
}
