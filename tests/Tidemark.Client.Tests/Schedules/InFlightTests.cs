using Tidemark.Client.Coordination;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>Edits and losses around a push that is on its way.</summary>
public sealed class InFlightTests
{
    [Fact]
    [Trait("req", "PUSH-09")]
    [Trait("req", "PULL-06")]
    public async Task An_edit_made_while_the_push_is_in_flight_is_neither_lost_nor_overwritten()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n1', 'one', 'text', NULL);");
        await a.SyncAsync();
        a.Sql("UPDATE note SET title = 'sent'");
        a.DuringNextPush("UPDATE note SET title = 'later', body = 'more'");
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["n1|later|more|NULL"], b.Rows("SELECT * FROM note"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-09")]
    [Trait("req", "PUSH-10")]
    public async Task A_row_deleted_while_its_creation_is_in_flight_stays_deleted()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        await a.SyncAsync();
        a.Sql("INSERT INTO author VALUES(1, 'x', NULL); INSERT INTO book VALUES(1, 1, 't', NULL)");
        a.DuringNextPush("DELETE FROM author");
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(0, b.Count("SELECT count(*) FROM author"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("req", "PULL-06")]
    [Trait("req", "PUSH-04")]
    public async Task A_row_that_another_device_deletes_before_the_answer_to_its_creation_came_is_deleted(bool isSeen)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        a.Sql("INSERT INTO author VALUES(1, 'of a', NULL)");
        await a.SyncAsync();
        b.Sql("INSERT INTO author VALUES(1, 'of b', NULL)");
        b.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropResponse : Fault.None;
        await b.TrySyncAsync(SyncMode.PushOnly);
        b.Network.Decide = _ => Fault.None;
        await a.SyncAsync();
        if (isSeen)
        {
            await b.SyncAsync(SyncMode.PullOnly);
        }

        // The deletion is of an id that this device does not know yet to be its row's.
        a.Sql("DELETE FROM author WHERE id = 2");
        await a.SyncAsync();
        await b.SyncAsync(SyncMode.PullOnly);
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["1|of a|NULL"], b.Rows("SELECT * FROM author"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("req", "PUSH-04")]
    [Trait("req", "PUSH-09")]
    [Trait("req", "STO-07")]
    public async Task Lost_response_then_pull_then_edit_ends_with_one_row_and_the_last_edit(bool restart)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        await a.SyncAsync();
        a.Sql("INSERT INTO author VALUES(7, 'first', NULL)");
        a.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropResponse : Fault.None;
        var report = await a.TrySyncAsync();
        Assert.Equal(SyncOutcome.Failed, report.Outcome);
        Assert.Equal(["7|first|NULL"], a.Rows("SELECT * FROM author"));
        var first = a.Network.PushBodies[^1];
        if (restart)
        {
            await a.RestartAsync(world);
        }

        a.Sql("UPDATE author SET name = 'second'");
        a.Network.Decide = _ => Fault.None;
        await a.SyncAsync();
        var again = a.Network.PushBodies[restart ? 0 : ^2];
        Assert.Equal(CommandsOf(first), CommandsOf(again));
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["7|second|NULL"], b.Rows("SELECT * FROM author"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-04")]
    [Trait("req", "PUSH-06")]
    public async Task A_child_inserted_during_the_push_follows_its_parents_new_id()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        b.Sql("INSERT INTO author VALUES(1, 'of b', NULL)");
        await b.SyncAsync();
        a.Sql("INSERT INTO author VALUES(1, 'of a', NULL)");
        a.DuringNextPush("INSERT INTO book VALUES(1, 1, 'child of a', NULL)");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["child of a|of a"], a.Rows("SELECT title, name FROM book JOIN author ON author.id = author_id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-05")]
    [Trait("req", "CUR-02")]
    public async Task A_page_read_while_a_push_commits_loses_nothing()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        for (var i = 0; i < 25; i++)
        {
            a.Sql($"INSERT INTO note VALUES('a{i}', 't', 'x', NULL)");
        }

        await a.SyncAsync();
        b.Options.Pull.PageRowsMax = 5;
        var pages = 0;
        b.Network.BeforeAnswer = async path =>
        {
            if (path.EndsWith("/changes", StringComparison.Ordinal) && pages++ < 3)
            {
                a.Sql($"INSERT INTO note VALUES('late{pages}', 't', 'x', NULL); UPDATE note SET body = 'changed' WHERE id = 'a24'");
                await a.SyncAsync();
            }
        };
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(28, b.Count("SELECT count(*) FROM note"));
        Steps.AssertEqual(a, b);
    }

    private static string CommandsOf(string body) => body[body.IndexOf("\"commands\":", StringComparison.Ordinal)..];
}
