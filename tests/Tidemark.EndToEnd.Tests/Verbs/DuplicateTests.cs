using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Verbs;

/// <summary>`duplicates` as a person at a shell uses it.</summary>
public sealed class DuplicateTests
{
    [Fact]
    [Trait("req", "RUN-15")]
    [Trait("req", "OPS-01")]
    [Trait("req", "OPS-07")]
    public async Task Duplicates_are_listed_merged_and_remembered()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var _ = world;
        await SqliteShell.RunAsync(first.Database, "INSERT INTO notes VALUES('d2', 1, 'twice', 1), ('d1', 1, 'twice', 1)");
        await first.SyncAsync();

        (await first.RunLocalAsync("duplicates")).Expect(0);
        var list = (await first.RunLocalAsync("duplicates", "--by", "notes:text", "--json")).Expect(3).Json();
        Assert.Equal(1, list.GetProperty("total").GetInt32());
        Assert.Equal(["\"d1\"", "\"d2\""], list.GetProperty("groups")[0].GetProperty("rows").EnumerateArray().Select(r => r.GetProperty("key").GetString()));
        (await first.RunLocalAsync("duplicates", "--by", "notes:text")).Expect(3);
        (await first.RunLocalAsync("duplicates", "--by", "nonsense")).Expect(2);
        (await first.RunLocalAsync("duplicates", "--by", "notes:nonsense")).Expect(1);
        (await TidemarkCommand.RunAsync("duplicates", first.Database, "merge")).Expect(2);
        (await TidemarkCommand.RunAsync("duplicates", first.Database, "merge", "notes", "d1", "d3")).Expect(1);

        var merged = (await TidemarkCommand.RunAsync("duplicates", first.Database, "merge", "notes", "d1", "d2", "--json")).Expect(0).Json().GetProperty("merged");
        Assert.Equal("\"d2\"", Assert.Single(merged.EnumerateArray()).GetProperty("key").GetString());
        await first.SyncAsync();
        await second.SyncAsync();
        Assert.Equal(1, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM notes WHERE text = 'twice'"));
        var record = Assert.Single((await TidemarkCommand.RunAsync("duplicates", "merges", first.Database, "--json")).Expect(0).Json().GetProperty("merges").EnumerateArray());
        Assert.Equal(("DONE", "twice"), (record.GetProperty("state").GetString(), record.GetProperty("gone").GetProperty("text").GetString()));
        (await TidemarkCommand.RunAsync("duplicates", "merge", first.Database, "--all", "--by", "notes:text")).Expect(0);
    }
}
