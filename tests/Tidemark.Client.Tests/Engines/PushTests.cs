using Tidemark.Client.Coordination;
using Tidemark.Client.Inspection;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Protocol;
using Tidemark.Server;

namespace Tidemark.Client.Tests.Engines;

/// <summary>The push against a real server.</summary>
public sealed class PushTests
{
    [Fact]
    [Trait("req", "PUSH-02")]
    [Trait("req", "PUSH-05")]
    public async Task A_child_of_an_unsent_parent_goes_with_it_by_command_reference()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        await a.SyncAsync();
        a.Sql("INSERT INTO author VALUES(1, 'p', NULL); INSERT INTO book VALUES(1, 1, 'c', NULL)");
        var report = await a.SyncAsync();
        Assert.Equal((2, 1), (report.Push.Accepted, report.Push.Requests));
        Assert.Contains("\"refs\":{\"author_id\":", a.Network.PushBodies[^1], StringComparison.Ordinal);
        a.AssertQuiet();
    }

    [Fact]
    [Trait("req", "PUSH-02")]
    public async Task An_optional_reference_to_nothing_is_sent_as_null_and_a_required_one_is_a_dead_letter()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors + "INSERT INTO author VALUES(1, 'p', NULL);");
        await a.SyncAsync();
        a.Sql("PRAGMA foreign_keys = OFF; INSERT INTO book VALUES(1, 1, 'optional', 77); INSERT INTO book VALUES(2, 88, 'required', NULL)");
        await a.SyncAsync();
        Assert.True(a.Scalar("SELECT sequel_of FROM book WHERE id = 1").IsNull);
        var dead = Assert.Single(new StoreInspector(a.Store).DeadLetters());
        Assert.Equal(ErrorCodes.ParentMissing, dead.Code);
        Assert.True(a.Store.EngineSession.Outbox.ReadLedger().AddsUp);
    }

    [Fact]
    [Trait("req", "PUSH-01")]
    public async Task Edits_fold_into_one_command_and_what_returns_to_its_value_is_absorbed()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 't', 'b', NULL);");
        await a.SyncAsync();
        a.Sql("UPDATE note SET title = 'x'; UPDATE note SET body = 'y'; UPDATE note SET title = 'z'");
        a.Sql("INSERT INTO note VALUES('gone', '', '', NULL); DELETE FROM note WHERE id = 'gone'");
        var report = await a.SyncAsync();
        Assert.Equal(1, report.Push.Accepted);
        a.Sql("UPDATE note SET title = 'q'; UPDATE note SET title = 'z'");
        Assert.Equal(0, (await a.SyncAsync()).Push.Accepted);
        a.Sql("DELETE FROM note; INSERT INTO note VALUES('n', 'again', 'y', NULL)");
        Assert.Equal(1, (await a.SyncAsync()).Push.Accepted);
        Assert.Contains("\"operation\":\"UPDATE\"", a.Network.PushBodies[^1], StringComparison.Ordinal);
        a.AssertQuiet();
    }

    [Fact]
    [Trait("req", "PUSH-07")]
    [Trait("req", "PUSH-08")]
    public async Task A_poison_row_is_dead_alone_and_lands_once_it_is_corrected_and_retried()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        for (var i = 0; i < 99; i++)
        {
            a.Sql($"INSERT INTO note VALUES('n{i}', 't', '', NULL)");
        }

        a.Sql("INSERT INTO note VALUES('poison', 'a' || char(0) || 'b', '', NULL)");
        var report = await a.SyncAsync();
        Assert.Equal(99, report.Push.Accepted);
        var dead = Assert.Single(new StoreInspector(a.Store).DeadLetters());
        Assert.Equal((ErrorCodes.ValidationFailed, "title"), (dead.Code, dead.Field));
        a.Sql("UPDATE note SET title = 'clean' WHERE id = 'poison'");
        Assert.True(await a.Store.RetryAsync(dead.Id, TestContext.Current.CancellationToken));
        await a.SyncAsync();
        a.AssertQuiet();
    }

    [Fact]
    [Trait("req", "PUSH-11")]
    public async Task A_request_that_is_too_large_is_halved_and_a_row_over_the_limit_is_a_dead_letter_that_names_it()
    {
        await using var world = await World.StartAsync(new ServerOptions { Dev = true, Limits = new WireLimits { RequestBytesMax = 20_000, RowBytesMax = 15_000 } });
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        for (var i = 0; i < 40; i++)
        {
            a.Sql($"INSERT INTO note VALUES('n{i}', 't', hex(zeroblob(1500)), NULL)");
        }

        a.Sql("INSERT INTO note VALUES('huge', 't', hex(zeroblob(10000)), NULL)");
        var report = await a.SyncAsync();
        Assert.Equal(40, report.Push.Accepted);
        Assert.True(report.Push.Requests > 5);
        Assert.Contains("15000", Assert.Single(new StoreInspector(a.Store).DeadLetters()).Reason, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "PUSH-03")]
    public async Task Cycles_and_deep_trees_need_one_request()
    {
        await using var world = await World.StartAsync();
        const string sql = """
            CREATE TABLE a(id INTEGER PRIMARY KEY, b_id INTEGER REFERENCES b(id), up INTEGER REFERENCES a(id));
            CREATE TABLE b(id INTEGER PRIMARY KEY, a_id INTEGER NOT NULL REFERENCES a(id));
            """;
        var a = world.Adopt("a", sql);
        await a.SyncAsync();
        a.Sql("INSERT INTO a VALUES(1, NULL, NULL); INSERT INTO b VALUES(1, 1); UPDATE a SET b_id = 1");
        for (var i = 2; i < 60; i++)
        {
            a.Sql($"INSERT INTO a VALUES({i}, NULL, {i - 1})");
        }

        var report = await a.SyncAsync();
        Assert.Equal((60, 1), (report.Push.Accepted, report.Push.Requests));
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(b, a);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-06")]
    public async Task A_changed_key_is_a_rename_that_takes_unknown_children_along()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Orders.Replace("REFERENCES customer(id)", "REFERENCES customer(id) ON UPDATE CASCADE", StringComparison.Ordinal) + "INSERT INTO customer VALUES('c', 'n'); INSERT INTO purchase VALUES('p', 'c', 1);");
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        b.Sql("INSERT INTO purchase VALUES('unknown to a', 'c', 2)");
        await b.SyncAsync();
        a.Sql("UPDATE customer SET id = 'renamed'");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(2, b.Count("SELECT count(*) FROM purchase WHERE customer_id = 'renamed'"));
        Steps.AssertEqual(a, b);
    }
}
