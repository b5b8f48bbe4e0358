using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Schedules;

/// <summary>Files that go back in time or come twice, tables that are rebuilt under a running program.</summary>
public sealed class RestoredAndCopiedTests
{
    [Fact]
    [Trait("req", "PULL-10")]
    [Trait("req", "SRV-10")]
    [Trait("speed", "slow")]
    public async Task A_server_restored_from_a_backup_gets_back_what_the_devices_know()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var _ = world;
        var backup = world.Workspace.PathOf("backup");
        await world.RestartServerAsync(data => CopyFolder(data, backup));
        await SqliteShell.RunAsync(first.Database, "INSERT INTO notes VALUES('n3', 1, 'after the backup', 1); UPDATE notes SET text = 'edited after the backup' WHERE id = 'n1'; DELETE FROM notes WHERE id = 'n2';");
        await Convergence.SyncUntilQuietAsync(first, second);
        await world.RestartServerAsync(data =>
        {
            Directory.Delete(data, recursive: true);
            CopyFolder(backup, data);
        });
        await SqliteShell.RunAsync(second.Database, "INSERT INTO notes VALUES('n4', 2, 'after the restore', 1);");

        await Convergence.SyncUntilQuietAsync(first, second);

        await Chinook.ChinookTests.AssertSettledAsync(first, second);
        Assert.Equal(["n1|edited after the backup", "n3|after the backup", "n4|after the restore"], await SqliteShell.LinesAsync(first.Database, "SELECT id, text FROM notes ORDER BY id"));
    }

    [Fact]
    [Trait("req", "RUN-17")]
    [Trait("speed", "slow")]
    public async Task A_copied_device_file_becomes_a_device_of_its_own_and_loses_nothing()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var _ = world;
        await SqliteShell.RunAsync(first.Database, $"INSERT INTO notes VALUES('before', 1, 'unsent when copied', 1); VACUUM INTO '{world.Workspace.PathOf("copy.db")}';");
        var copy = world.DeviceOf("copy.db");
        await SqliteShell.RunAsync(first.Database, "INSERT INTO folders(name) VALUES('original'); INSERT INTO notes VALUES('original', 1, 'x', 1);");
        await SqliteShell.RunAsync(copy.Database, "INSERT INTO folders(name) VALUES('copy'); INSERT INTO notes VALUES('copy', 1, 'x', 1);");

        await Convergence.SyncUntilQuietAsync(first, copy, second);

        await Chinook.ChinookTests.AssertSettledAsync(first, second);
        await Chinook.ChinookTests.AssertSettledAsync(first, copy);
        Assert.Equal(5, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM notes"));
        Assert.Equal(4, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM folders"));
    }

    [Fact]
    [Trait("req", "STO-16")]
    [Trait("req", "STO-17")]
    [Trait("speed", "slow")]
    public async Task A_table_rebuilt_by_a_migration_while_watch_runs_is_captured_again()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var _ = world;
        await using var watch = first.Start("watch", "--every", "1s");
        await SqliteShell.RunAsync(first.Database, """
            PRAGMA foreign_keys = OFF;
            BEGIN IMMEDIATE;
            CREATE TABLE new_notes(id TEXT PRIMARY KEY NOT NULL, folder_id INTEGER NOT NULL REFERENCES folders(id), text TEXT, size INTEGER);
            INSERT INTO new_notes SELECT * FROM notes;
            DROP TABLE notes;
            ALTER TABLE new_notes RENAME TO notes;
            UPDATE notes SET text = 'changed without capture' WHERE id = 'n1';
            COMMIT;
            """);
        await Eventually.TrueAsync(async () =>
        {
            await second.SyncAsync();
            return await SqliteShell.TextAsync(second.Database, "SELECT text FROM notes WHERE id = 'n1'") == "changed without capture";
        });
        await SqliteShell.RunAsync(first.Database, "INSERT INTO notes VALUES('n5', 1, 'captured again', 1);");
        watch.Signal(15);
        (await watch.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken)).Expect(0);
        await Convergence.SyncUntilQuietAsync(first, second);
        Assert.Equal("captured again", await SqliteShell.TextAsync(second.Database, "SELECT text FROM notes WHERE id = 'n5'"));
    }

    [Fact]
    [Trait("req", "STO-17")]
    [Trait("req", "OPS-07")]
    [Trait("speed", "slow")]
    public async Task Doctor_finds_and_queues_what_was_written_with_the_triggers_gone()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var _ = world;
        var drops = await SqliteShell.LinesAsync(first.Database, "SELECT 'DROP TRIGGER \"' || name || '\";' FROM sqlite_master WHERE type = 'trigger'");
        await SqliteShell.RunAsync(first.Database, string.Join('\n', drops) + "UPDATE notes SET text = 'unseen' WHERE id = 'n2'; INSERT INTO notes VALUES('n6', 1, 'unseen', 1);");
        var found = (await first.RunLocalAsync("doctor", "--json")).Expect(1).Json();
        Assert.False(found.GetProperty("healthy").GetBoolean());
        (await first.RunLocalAsync("doctor", "--repair", "--json")).Expect(0);
        (await first.RunLocalAsync("doctor", "--json")).Expect(0);
        await Convergence.SyncUntilQuietAsync(first, second);
        await Chinook.ChinookTests.AssertSettledAsync(first, second);
        Assert.Equal(2, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM notes WHERE text = 'unseen'"));
    }

    private static void CopyFolder(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
