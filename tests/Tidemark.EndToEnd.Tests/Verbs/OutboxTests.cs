using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Verbs;

/// <summary>`outbox discard` as a person at a shell uses it.</summary>
public sealed class OutboxTests
{
    [Fact]
    [Trait("req", "RUN-14")]
    [Trait("req", "OPS-01")]
    public async Task What_waits_is_taken_back_only_when_it_is_meant_and_is_listed_afterwards()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var _ = world;
        await SqliteShell.RunAsync(first.Database, "INSERT INTO notes VALUES('d1', 1, 'unsent', 1)");
        (await first.RunLocalAsync("outbox")).Expect(0);
        (await TidemarkCommand.RunAsync("outbox", "--limit", "5", first.Database)).Expect(0);
        var asked = (await TidemarkCommand.RunAsync("outbox", first.Database, "discard", "--json")).Expect(3).Json();
        Assert.Equal((0, 1), (asked.GetProperty("discarded").GetInt32(), asked.GetProperty("waiting").GetInt32()));
        Assert.Equal(1, await SqliteShell.CountAsync(first.Database, "SELECT count(*) FROM notes WHERE id = 'd1'"));

        var done = (await TidemarkCommand.RunAsync("outbox", "discard", first.Database, "--yes", "--json")).Expect(0).Json();
        Assert.Equal((1, 0), (done.GetProperty("discarded").GetInt32(), done.GetProperty("waiting").GetInt32()));
        Assert.Equal(0, await SqliteShell.CountAsync(first.Database, "SELECT count(*) FROM notes WHERE id = 'd1'"));
        var record = Assert.Single((await first.RunLocalAsync("conflicts", "--json")).Expect(0).Json().GetProperty("conflicts").EnumerateArray());
        Assert.Equal(("DISCARDED", "unsent"), (record.GetProperty("outcome").GetString(), record.GetProperty("local").GetProperty("text").GetString()));
        (await TidemarkCommand.RunAsync("conflicts", "settle", first.Database, record.GetProperty("id").ToString(), "--take", "local")).Expect(0);
        await first.SyncAsync();
        await second.SyncAsync();
        Assert.Equal(1, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM notes WHERE id = 'd1'"));
    }
}
