using System.Text;
using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.BadInput;

/// <summary>A file or a model that somebody else has had a hand in.</summary>
public sealed class BadStateTests
{
    [Theory]
    [InlineData("substr(cursor, 1, 20) || 'AAAA' || substr(cursor, 25)")]
    [InlineData("'nonsense'")]
    [InlineData("''")]
    [InlineData("upper(cursor)")]
    [Trait("req", "CUR-05")]
    [Trait("req", "STO-15")]
    [Trait("speed", "slow")]
    public async Task A_cursor_changed_by_hand_is_said_fetched_anew_and_nothing_is_lost(string changed)
    {
        var (world, first, second) = await World.NotesAsync();
        await using var _ = world;
        await SqliteShell.RunAsync(second.Database, "INSERT INTO notes VALUES('n3', 1, 'of the second', 3);");
        await second.SyncAsync();
        await SqliteShell.RunAsync(first.Database, $"UPDATE _tm_remote SET cursor = {changed}; INSERT INTO notes VALUES('n4', 2, 'unsent', 4); UPDATE notes SET text = 'edited' WHERE id = 'n1';");
        var report = (await first.RunAsync("sync", "--json")).Expect(0).Json();
        Assert.True(changed == "''" || report.GetProperty("warnings").ToString().Contains("cursor was not accepted", StringComparison.Ordinal), report.ToString());
        await Convergence.SyncUntilQuietAsync(first, second);
        await TableComparison.AssertEqualAsync(first.Database, second.Database);
        Assert.Equal(4, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM notes"));
    }

    [Theory]
    [InlineData("CREATE TABLE extra(id TEXT PRIMARY KEY NOT NULL);")]
    [InlineData("ALTER TABLE notes ADD COLUMN extra TEXT;")]
    [Trait("req", "RUN-09")]
    [Trait("req", "SRV-04")]
    public async Task A_type_or_field_that_the_server_does_not_know_is_told_with_the_cure_and_the_edits_wait(string more)
    {
        using var workspace = new Workspace();
        var device = new Device(workspace.PathOf("a.db"), "", "");
        await SqliteShell.RunAsync(device.Database, Notes.Schema);
        (await device.RunLocalAsync("adopt", "--out", workspace.PathOf("model.json"))).Expect(0);
        await using var server = await TestServer.StartAsync(workspace.PathOf("server"), "http://127.0.0.1:0", "--model", workspace.PathOf("model.json"));
        var token = await server.TokenAsync();
        var other = new Device(workspace.PathOf("b.db"), server.Url, token);
        await SqliteShell.RunAsync(other.Database, Notes.Schema + more);
        (await other.RunLocalAsync("adopt")).Expect(0);
        var result = (await other.RunAsync("sync")).Expect(1);
        Assert.Contains("administrator", result.Errors + result.Output, StringComparison.Ordinal);
        Assert.Contains("--model", result.Errors + result.Output, StringComparison.Ordinal);
        Assert.InRange((await other.RunLocalAsync("status", "--json")).Expect(0).Json().GetProperty("pending").GetInt64(), 4, 100);
        await (device with { Server = server.Url, Token = token }).SyncAsync();
    }

    [Fact]
    [Trait("req", "STO-15")]
    public async Task A_damaged_page_is_said_by_every_verb_with_the_cure()
    {
        using var workspace = new Workspace();
        var path = workspace.PathOf("notes.db");
        await SqliteShell.RunAsync(path, "PRAGMA page_size = 1024; PRAGMA journal_mode = DELETE;" + Notes.Schema + "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO notes SELECT 'n' || i, 1, printf('%0100d', i), i FROM n;");
        (await TidemarkCommand.RunAsync("adopt", path)).Expect(0);
        var root = await SqliteShell.CountAsync(path, "SELECT rootpage FROM sqlite_master WHERE name = 'notes'");
        await SqliteShell.RunAsync(path, "PRAGMA wal_checkpoint(TRUNCATE);");
        await using (var file = File.OpenWrite(path))
        {
            file.Position = (root - 1) * 1024;
            await file.WriteAsync(Encoding.ASCII.GetBytes(new string('#', 1024)), TestContext.Current.CancellationToken);
        }

        var doctor = await TidemarkCommand.RunAsync("doctor", path);
        Assert.Equal(1, doctor.ExitCode);
        Assert.Contains("damaged", doctor.Output + doctor.Errors, StringComparison.OrdinalIgnoreCase);
        var sync = await TidemarkCommand.RunAsync("sync", path, "--server", "http://127.0.0.1:9", "--token", "x");
        Assert.True(sync.ExitCode is 1 or 5, sync.ToString());
        Assert.DoesNotContain("   at ", sync.Errors + doctor.Errors, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "STO-14")]
    public async Task A_table_without_a_key_is_left_out_with_a_sentence_and_the_others_are_adopted()
    {
        using var workspace = new Workspace();
        var path = workspace.PathOf("notes.db");
        await SqliteShell.RunAsync(path, Notes.Schema + "CREATE TABLE loose(what TEXT); INSERT INTO loose VALUES('kept');");
        var result = (await TidemarkCommand.RunAsync("adopt", path)).Expect(0);
        Assert.Contains("loose", result.Output + result.Errors, StringComparison.Ordinal);
        Assert.Contains("key", result.Output + result.Errors, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(1, await SqliteShell.CountAsync(path, "SELECT count(*) FROM loose"));
        var status = (await TidemarkCommand.RunAsync("status", path, "--json")).Expect(0).Json();
        Assert.Equal(4, status.GetProperty("pending").GetInt64());
    }
}
