using Tidemark.Client.Inspection;
using Tidemark.Client.RowStates;
using Tidemark.Client.Tests.Queries;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Tests.RowStates;

[Trait("req", "OPS-12")]
public sealed class RowStateTests
{
    [Fact]
    public async Task A_row_is_pending_until_it_is_sent_and_synced_then()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note(id) VALUES('n'), ('m');");
        Assert.Equal(["m Pending", "n Pending"], await StatesAsync(a, "note"));
        await Steps.UntilQuietAsync(a);
        Assert.Empty(await StatesAsync(a, "note"));
        a.Sql("UPDATE note SET title = 'x' WHERE id = 'n'");
        Assert.Equal(["n Pending"], await StatesAsync(a, "note"));

        // On its way it is still pending.
        a.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropRequest : Fault.None;
        await a.TrySyncAsync();
        Assert.Equal(["n Pending"], await StatesAsync(a, "note"));
        await Assert.ThrowsAsync<ArgumentException>(() => a.Store.ReadRowStatesAsync("nothing"));
    }

    [Fact]
    public async Task Rows_below_a_refused_one_wait_for_it_whole_trees_of_them()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Orders.Replace("name TEXT", "name TEXT UNIQUE", StringComparison.Ordinal) + "INSERT INTO customer VALUES('c', 'gold');");
        var b = world.Clone("b", a);
        await a.SyncAsync();
        b.Sql("INSERT INTO customer VALUES('d', 'gold'); INSERT INTO purchase VALUES('p', 'd', 1); INSERT INTO item VALUES('i', 'p', 'x')");
        await b.TrySyncAsync();
        await b.TrySyncAsync();
        Assert.Equal(["d DeadLetter"], (await StatesAsync(b, "customer")).Where(s => s.StartsWith('d')));
        Assert.Equal(["p WaitingForParent"], await StatesAsync(b, "purchase"));
        Assert.Equal(["i WaitingForParent"], await StatesAsync(b, "item"));
        var letter = Assert.Single(new StoreInspector(b.Store).DeadLetters());
        await b.Store.DiscardAsync(letter.Id, TestContext.Current.CancellationToken);
        await Steps.UntilQuietAsync(b, a);
        Assert.Empty(await StatesAsync(b, "item"));
    }

    [Fact]
    public async Task A_conflict_for_a_person_is_one()
    {
        await using var world = await World.StartAsync();
        var a = world.Make("a", "CREATE TABLE note(id TEXT PRIMARY KEY, mood TEXT);", t => t with { Fields = [.. t.Fields.Select(f => f.Name == "mood" ? f with { Policy = FieldPolicy.Manual } : f)] });
        a.Sql("INSERT INTO note VALUES('n', 'calm')");
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        a.Sql("UPDATE note SET mood = 'of a'");
        await a.SyncAsync();
        b.Sql("UPDATE note SET mood = 'of b'");
        await b.SyncAsync();
        Assert.Equal(["n Conflict"], await StatesAsync(b, "note"));
    }

    [Fact]
    public async Task The_map_follows_and_a_view_of_one_row_changes_with_it()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note(id) VALUES('n'), ('m');");
        await Steps.UntilQuietAsync(a);
        await using var map = a.Store.FollowRowStates("note");
        await map.Ready.WaitAsync(Watching.Deadline);
        var view = map.For(EntityKey.Of("n"));
        Assert.Equal(RowSyncState.Synced, view.State);
        var pending = Next(map);
        a.Sql("UPDATE note SET title = 'x' WHERE id = 'n'");
        Assert.Equal([EntityKey.Of("n")], await pending.WaitAsync(Watching.Deadline));
        Assert.Equal((RowSyncState.Pending, RowSyncState.Pending, RowSyncState.Synced), (view.State, map[EntityKey.Of("n")], map[EntityKey.Of("m")]));
        var synced = Next(map);
        await a.SyncAsync();
        await synced.WaitAsync(Watching.Deadline);
        Assert.Equal(RowSyncState.Synced, view.State);
        Assert.Same(view, map.For(EntityKey.Of("n")));
    }

    private static Task<IReadOnlyCollection<EntityKey>> Next(RowStateMap map)
    {
        var next = new TaskCompletionSource<IReadOnlyCollection<EntityKey>>();
        map.Changed += (_, keys) => next.TrySetResult(keys);
        return next.Task;
    }

    private static async Task<List<string>> StatesAsync(Device device, string type) =>
        [.. (await device.Store.ReadRowStatesAsync(type)).Select(s => $"{s.Key.ToString().Trim('"')} {s.Value}").Order(StringComparer.Ordinal)];
}
