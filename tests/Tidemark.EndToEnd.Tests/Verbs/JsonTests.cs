using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Verbs;

/// <summary>Every verb's --json: one document on standard output, people's text on standard error.</summary>
public sealed class JsonTests
{
    [Fact]
    [Trait("req", "OPS-01")]
    public async Task Every_verb_prints_one_document_with_what_scripts_read()
    {
        await using var world = await World.StartAsync();
        var first = world.DeviceOf("a.db");
        await SqliteShell.RunAsync(first.Database, Notes.Schema);
        var model = world.Workspace.PathOf("model.json");

        var adopted = Document(await first.RunLocalAsync("adopt", "--out", model, "--json"), "database", "modelHash", "tables", "leftOut", "warnings");
        Assert.Equal(4, adopted.GetProperty("rows").GetInt64());
        Document(await first.RunLocalAsync("outbox", "--json"), "outbox");
        var synced = Document(await first.RunAsync("sync", "--json"), "outcome", "pushed", "pulled", "conflicts", "failed", "deadLetters", "pending", "durationMs", "warnings");
        Assert.Equal("done", synced.GetProperty("outcome").GetString());
        Assert.Equal(4, synced.GetProperty("pushed").GetInt64());
        Assert.Equal(0, synced.GetProperty("pending").GetInt64());
        var second = world.DeviceOf("b.db");
        Document(await second.RunAsync("clone", "--json"), "outcome", "pulled");
        Document(await second.RunLocalAsync("status", "--json"), "pending", "deadLetters", "types", "user", "deviceId");
        Document(await second.RunLocalAsync("history", "--json"), "runs");
        Document(await second.RunLocalAsync("cursors", "--json"), "cursors");
        Document(await second.RunLocalAsync("doctor", "--json"), "healthy", "findings", "ledger");
        Document(await second.RunAsync("verify", "--json"), "equal", "types");
        Document(await TidemarkCommand.RunAsync("dead-letters", second.Database, "--json"), "deadLetters");
        Document(await TidemarkCommand.RunAsync("dead-letters", second.Database, "export", "--json"), "deadLetters");
        Document(await TidemarkCommand.RunAsync("model", "validate", model, "--json"), "valid", "files");
        Document(await TidemarkCommand.RunAsync("model", "show", model, "--json"), "hash", "syncOrder", "model");
        Document(await TidemarkCommand.RunAsync("model", "diff", model, model, "--json"), "equal", "differences");
        Document(await TidemarkCommand.RunAsync("token", "--data", world.Server.Data, "--user", "eve", "--json"), "token", "user", "expiresAt");
    }

    [Fact]
    [Trait("req", "OPS-01")]
    public async Task Human_text_goes_to_standard_error_when_json_is_asked_for()
    {
        using var workspace = new Workspace();
        await SqliteShell.RunAsync(workspace.PathOf("notes.db"), Notes.Schema);
        var result = (await TidemarkCommand.RunAsync("adopt", workspace.PathOf("notes.db"), "--json")).Expect(0);
        Assert.Contains("Adopted", result.Errors, StringComparison.Ordinal);
        Assert.StartsWith("{", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "OPS-01")]
    public async Task Watch_prints_its_summary_when_it_is_stopped()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var _ = world;
        await using var watch = second.Start("watch", "--json", "--every", "1s");
        await SqliteShell.RunAsync(second.Database, "INSERT INTO notes VALUES('n9', 1, 'watched', 1);");
        await Eventually.TrueAsync(async () =>
        {
            await first.SyncAsync();
            return await SqliteShell.CountAsync(first.Database, "SELECT count(*) FROM notes WHERE id = 'n9'") == 1;
        });
        watch.Signal(2);
        var result = (await watch.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken)).Expect(0);
        Assert.Equal(1, result.Json().GetProperty("pushed").GetInt64());
    }

    private static System.Text.Json.JsonElement Document(ProcessResult result, params string[] members)
    {
        var document = result.Expect(0).Json();
        foreach (var member in members)
        {
            Assert.True(document.TryGetProperty(member, out _), $"{member} is missing.\n{result}");
        }

        return document;
    }
}
