using System.Text.Json.Nodes;
using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Verbs;

/// <summary>`conflicts` and `explain` as a person at a shell uses them.</summary>
public sealed class ConflictTests
{
    [Fact]
    [Trait("req", "CON-05")]
    [Trait("req", "OPS-08")]
    public async Task Conflicts_are_listed_shown_replayed_and_brought_back_and_a_row_tells_its_story()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var _ = world;
        await SqliteShell.RunAsync(first.Database, "UPDATE notes SET text = 'of first' WHERE id = 'n1'");
        await SqliteShell.RunAsync(second.Database, "UPDATE notes SET text = 'of second' WHERE id = 'n1'");
        await first.SyncAsync();
        await second.SyncAsync();

        var list = (await second.RunLocalAsync("conflicts", "--json")).Expect(0).Json();
        var conflict = Assert.Single(list.GetProperty("conflicts").EnumerateArray());
        Assert.Equal("REBASE_AND_RETRY", conflict.GetProperty("outcome").GetString());
        Assert.Equal("of second", conflict.GetProperty("merged").GetProperty("text").GetString());
        Assert.Equal("LastWriterWins", conflict.GetProperty("fields")[0].GetProperty("policy").GetString());
        var id = conflict.GetProperty("id").GetRawText();
        Assert.Contains("of first", (await TidemarkCommand.RunAsync("conflicts", second.Database, "show", id)).Expect(0).Output, StringComparison.Ordinal);

        Assert.Equal(0, (await TidemarkCommand.RunAsync("conflicts", "replay", second.Database, "--json")).Expect(0).Json().GetProperty("differences").GetArrayLength());
        var model = world.Workspace.PathOf("other.json");
        await File.WriteAllTextAsync(model, await ServerWinsAsync(world), TestContext.Current.CancellationToken);
        var replay = (await TidemarkCommand.RunAsync("conflicts", "replay", second.Database, "--model", model, "--json")).Expect(0).Json();
        Assert.Equal("ADOPT_SERVER", Assert.Single(replay.GetProperty("differences").EnumerateArray()).GetProperty("wouldBe").GetString());

        var story = (await second.RunLocalAsync("explain", "notes", "n1", "--json")).Expect(0).Json();
        Assert.Equal("inStep", story.GetProperty("standing").GetString());
        Assert.Contains(story.GetProperty("events").EnumerateArray(), e => e.GetProperty("kind").GetString() == "accepted");
        Assert.Contains("In step", (await second.RunLocalAsync("explain", "notes", "n1")).Expect(0).Output, StringComparison.Ordinal);
        (await second.RunLocalAsync("explain", "nothing", "n1")).Expect(1);

        (await TidemarkCommand.RunAsync("conflicts", "settle", second.Database, id, "--take", "server")).Expect(0);
        await second.SyncAsync();
        await first.SyncAsync();
        Assert.Equal("of first", (await first.RunLocalAsync("explain", "notes", "n1", "--json")).Expect(0).Json().GetProperty("live").GetProperty("text").GetString());
        (await TidemarkCommand.RunAsync("conflicts", "settle", second.Database, "999", "--take", "local")).Expect(1);
        (await TidemarkCommand.RunAsync("conflicts", "settle", second.Database, id, "--take", "no-such-file.json")).Expect(2);
    }

    private static async Task<string> ServerWinsAsync(World world)
    {
        var copy = world.Workspace.PathOf("copy.db");
        await SqliteShell.RunAsync(copy, Notes.Schema);
        (await TidemarkCommand.RunAsync("adopt", copy, "--out", copy + ".json")).Expect(0);
        var model = JsonNode.Parse(await File.ReadAllTextAsync(copy + ".json", TestContext.Current.CancellationToken))!;
        var notes = model["entities"]!.AsArray().Single(e => e!["name"]!.GetValue<string>() == "notes")!;
        notes["fields"]!.AsArray().Single(f => f!["name"]!.GetValue<string>() == "text")!["policy"] = "ServerWins";
        return model.ToJsonString();
    }
}
