using Tidemark.Client.Coordination;
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

    [Theory]
    [Trait("req", "PULL-10")]
    [Trait("req", "PUSH-02")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_row_made_under_the_id_of_a_deletion_that_the_server_lost_and_that_does_not_stand_is_a_row_of_its_own(bool pullsFirst)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'ann', NULL);");
        var (b, c) = (world.Clone("b", a), world.Clone("c", a));
        await Steps.UntilQuietAsync(a, b, c);
        await world.BackUpServerAsync();
        b.Sql("DELETE FROM author");
        await b.SyncAsync();
        await a.SyncAsync();
        a.Sql("INSERT INTO author VALUES(1, 'bea', NULL); INSERT INTO book VALUES(1, 1, 'of bea', NULL)");
        await world.RestoreServerAsync();
        c.Sql("UPDATE author SET note = 'edited'");
        await c.SyncAsync();
        if (pullsFirst)
        {
            await a.SyncAsync(SyncMode.PullOnly);
        }

        await Steps.UntilQuietAsync(a, b, c);
        Assert.Equal(["ann|edited", "bea|NULL"], c.Rows("SELECT name, note FROM author ORDER BY name"));
        Assert.Equal(["of bea|bea"], c.Rows("SELECT title, name FROM book JOIN author ON author.id = author_id"));
        Steps.AssertEqual(a, b);
        Steps.AssertEqual(a, c);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    [Trait("req", "CUR-04")]
    public async Task A_row_that_is_brought_back_from_a_deletion_that_the_server_lost_keeps_its_id()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, body TEXT); INSERT INTO item VALUES(1, 'one', NULL);");
        var b = world.Clone("b", a);
        var c = world.Clone("c", a);
        await Steps.UntilQuietAsync(a, b, c);
        await world.BackUpServerAsync();
        b.Sql("DELETE FROM item");
        await b.SyncAsync();
        a.Sql("UPDATE item SET name = 'edited'");
        await a.SyncAsync(SyncMode.PullOnly);
        await world.RestoreServerAsync();
        await a.SyncAsync();
        c.Sql("UPDATE item SET body = 'too'");
        await Steps.UntilQuietAsync(a, b, c);
        Assert.Equal(["1|edited|too"], a.Rows("SELECT * FROM item"));
        Steps.AssertEqual(a, b);
        Steps.AssertEqual(a, c);
    }
}
