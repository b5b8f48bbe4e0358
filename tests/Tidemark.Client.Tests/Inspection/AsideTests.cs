using Tidemark.Client.Coordination;
using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Inspection;

/// <summary>Rows put aside are listed with their causes and end by success, by a newer version, or because somebody says so; never because they were tried too often.</summary>
public sealed class AsideTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("req", "PULL-05")]
    [Trait("req", "REM-03")]
    public async Task A_row_that_cannot_stand_here_is_tried_for_ever_is_given_up_with_a_record_and_comes_back_with_a_newer_version()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await ClashAsync(world);
        for (var i = 0; i < 15; i++)
        {
            await b.SyncAsync();
        }

        var inspector = new StoreInspector(b.Store);
        var item = Assert.Single(inspector.Aside());
        Assert.Equal(("note", "\"far\"", AsideCause.UniqueClash, false), (item.Type, item.Key, item.Cause, item.WaitsForOwnEdit));
        Assert.True(item.Tries > 10, $"{item.Tries} tries");
        Assert.Contains("Tide", item.Raw, StringComparison.Ordinal);

        Assert.True(await b.Store.DiscardAsideAsync("note", "\"far\"", Token));
        Assert.False(await b.Store.DiscardAsideAsync("note", "\"far\"", Token));
        Assert.Empty(inspector.Aside());
        var record = Assert.Single(inspector.Conflicts(10, onlyOpen: false));
        Assert.Equal((ConflictRecord.AsideDiscarded, "Tide"), (record.Outcome, record.Server![1].AsText));
        Assert.Contains("somebody discarded it here", Assert.Single(inspector.Explain("note", "far").Events, e => e.Kind == "discarded").Text, StringComparison.Ordinal);
        Assert.Equal(SyncOutcome.Idle, (await b.SyncAsync()).Outcome);
        Assert.Equal(["near"], b.Rows("SELECT id FROM note"));

        a.Sql("UPDATE note SET title = 'Ebb' WHERE id = 'far'");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["far|Ebb", "near|tide"], b.Rows("SELECT id, title FROM note ORDER BY id"));
        Assert.Empty(inspector.ReplayConflicts().Differences);
    }

    [Fact]
    [Trait("req", "PULL-05")]
    [Trait("req", "REM-03")]
    public async Task It_closes_by_itself_once_its_cause_is_gone()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await ClashAsync(world);
        b.Sql("UPDATE note SET title = 'moon' WHERE id = 'near'");
        await Steps.UntilQuietAsync(b, a);
        Assert.Empty(new StoreInspector(b.Store).Aside());
        Assert.Equal(["far|Tide", "near|moon"], b.Rows("SELECT id, title FROM note ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-05")]
    public async Task What_waits_for_an_edit_of_this_device_is_not_given_up()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note(id, title) VALUES('n', 'one');");
        await Steps.UntilQuietAsync(a);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(b);
        b.Network.Decide = path => path.EndsWith("push", StringComparison.Ordinal) ? Fault.DropResponse : Fault.None;
        b.Sql("UPDATE note SET title = 'two' WHERE id = 'n'");
        Assert.NotNull((await b.TrySyncAsync()).Error);
        b.Network.Decide = _ => Fault.None;
        Assert.True(Assert.Single(new StoreInspector(b.Store).Aside()).WaitsForOwnEdit);
        await Assert.ThrowsAsync<InvalidOperationException>(() => b.Store.DiscardAsideAsync("note", "\"n\"", Token));
        await Steps.UntilQuietAsync(b, a);
        Steps.AssertEqual(a, b);
    }

    // An index that the server does not know, on one device only.
    private static async Task<(Device A, Device B)> ClashAsync(World world)
    {
        var a = world.Adopt("a", Schemas.Notes);
        await Steps.UntilQuietAsync(a);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(b);
        b.Sql("CREATE UNIQUE INDEX title_once ON note(lower(title)); INSERT INTO note(id, title) VALUES('near', 'tide')");
        await b.SyncAsync();
        a.Sql("INSERT INTO note(id, title) VALUES('far', 'Tide')");
        a.Options.Pull.IterationsMax = 10;
        await Steps.UntilQuietAsync(a);
        await b.SyncAsync();
        return (a, b);
    }
}
