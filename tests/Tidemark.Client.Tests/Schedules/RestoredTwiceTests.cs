using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>A server that is restored, is offered what it lost, and is restored once more.</summary>
public sealed class RestoredTwiceTests
{
    [Fact]
    [Trait("req", "PULL-10")]
    public async Task An_edit_of_the_first_history_stands_over_an_older_content_that_was_offered_later()
    {
        await using var lost = await LostWorld.StartAsync(Schemas.Notes);
        var (a, b) = (lost.A, lost.B);
        a.Sql("INSERT INTO note VALUES('n', 'first', NULL, NULL)");
        await Steps.UntilQuietAsync(a, b);
        a.Sql("UPDATE note SET title = 'second'");
        await a.SyncAsync();
        await lost.World.RestoreServerAsync();
        await b.SyncAsync(); // Offers the first content, under a new version.
        await lost.World.RestoreServerAsync();
        await a.SyncAsync(); // Offers the second content, under the version it had.
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["n|second"], a.Rows("SELECT id, title FROM note"));
        Assert.Equal(["n|second"], b.Rows("SELECT id, title FROM note"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task So_does_one_whose_older_content_another_device_has_pulled_after_the_first_restore()
    {
        await using var lost = await LostWorld.StartAsync(Schemas.Notes);
        var (a, b) = (lost.A, lost.B);
        var c = lost.World.Clone("c", a);
        await c.SyncAsync();
        a.Sql("INSERT INTO note VALUES('n', 'first', NULL, NULL), ('m', 'first', NULL, NULL)");
        await Steps.UntilQuietAsync(a, b);
        a.Sql("UPDATE note SET title = 'second' WHERE id = 'n'; DELETE FROM note WHERE id = 'm'");
        await a.SyncAsync();
        await lost.World.RestoreServerAsync();
        await b.SyncAsync();
        await c.SyncAsync();
        await lost.World.RestoreServerAsync();
        await a.SyncAsync();
        await c.SyncAsync();
        await Steps.UntilQuietAsync(b, c, a);
        Assert.Equal(["n|second"], c.Rows("SELECT id, title FROM note"));
        Assert.Equal(["n|second"], b.Rows("SELECT id, title FROM note"));
        Steps.AssertEqual(a, b);
        Steps.AssertEqual(a, c);
    }
}
