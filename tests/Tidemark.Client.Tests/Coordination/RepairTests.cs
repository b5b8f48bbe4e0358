using Tidemark.Client.Coordination;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Coordination;

/// <summary>A file that is not what the server has, found and repaired without fetching it anew.</summary>
[Trait("req", "PULL-11")]
public sealed class RepairTests
{
    private const string Notes = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO note(id, title, body) SELECT 'n' || i, 't' || i, hex(randomblob(100)) FROM n;";

    [Fact]
    public async Task Rows_that_differ_are_named_and_only_they_are_fetched()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + Notes);
        await a.SyncAsync();
        Damage(a);
        a.Sql("UPDATE note SET title = 'pending' WHERE id = 'n5'");

        a.Network.Requests.Clear();
        var report = await a.Service.VerifyAsync(CancellationToken.None);
        var type = Assert.Single(report.Types);
        Assert.True(report.AtHead);
        Assert.False(report.Equal);
        Assert.Equal(
            [("\"n10\"", DifferenceKind.Missing), ("\"n20\"", DifferenceKind.Different), ("\"x\"", DifferenceKind.Extra)],
            type.Differences.Select(d => (d.Key, d.Kind)).OrderBy(d => d.Key, StringComparer.Ordinal));
        Assert.DoesNotContain(a.Network.Requests, r => r.StartsWith("/sync/changes", StringComparison.Ordinal));

        Assert.Equal(3, await a.Service.RepairAsync(report, CancellationToken.None));
        Assert.Equal("t20", a.Scalar("SELECT title FROM note WHERE id = 'n20'").AsText);
        Assert.Equal(0, a.Count("SELECT count(*) FROM note WHERE id = 'x'"));
        Assert.Equal(1, a.Count("SELECT count(*) FROM note WHERE id = 'n10'"));
        Assert.Equal("pending", a.Scalar("SELECT title FROM note WHERE id = 'n5'").AsText);
        Assert.True((await a.Service.VerifyAsync(CancellationToken.None)).Equal);

        await a.SyncAsync();
        a.AssertQuiet();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        Steps.AssertEqual(a, b);
    }

    [Fact]
    public async Task What_is_found_while_a_pull_is_due_is_no_difference_of_rows()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        var b = world.Clone("b", a);
        await a.SyncAsync();
        await b.SyncAsync();
        b.Sql("INSERT INTO note(id, title) VALUES('new', 't')");
        await b.SyncAsync();
        var report = await a.Service.VerifyAsync(CancellationToken.None);
        Assert.False(report.AtHead);
        Assert.Empty(report.Types.Single().Differences);
    }

    [Fact]
    [Trait("req", "PULL-12")]
    public async Task A_repair_that_would_take_most_rows_away_asks_first()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        a.Sql("INSERT INTO _tm_guard VALUES(1);" + Notes + "INSERT INTO _tm_row_1 SELECT id, 1, 1, zeroblob(32), NULL FROM note; DELETE FROM _tm_guard;");
        var report = await a.Service.VerifyAsync(CancellationToken.None);
        Assert.Equal(3000, report.Types.Single().Differences.Count);
        var refused = await Assert.ThrowsAsync<Client.Errors.SyncException>(() => a.Service.RepairAsync(report, CancellationToken.None));
        Assert.Equal(Client.Errors.SyncErrorCode.DeleteLimit, refused.Code);
        Assert.Equal(3000, a.Count("SELECT count(*) FROM note"));
    }

    // What a bad disk, or a bug, might have done: a row and what is known of it are gone, one is another, one was never there.
    private static void Damage(Device device) => device.Sql("""
        INSERT INTO _tm_guard VALUES(1);
        DELETE FROM note WHERE id = 'n10';
        DELETE FROM _tm_row_1 WHERE k0 = 'n10';
        UPDATE note SET title = 'wrong' WHERE id = 'n20';
        UPDATE _tm_row_1 SET digest = zeroblob(32) WHERE k0 = 'n20';
        INSERT INTO note(id, title) VALUES('x', 'never');
        INSERT INTO _tm_row_1 SELECT 'x', 1, version, zeroblob(32), NULL FROM _tm_row_1 WHERE k0 = 'n1';
        DELETE FROM _tm_guard;
        """);
}
