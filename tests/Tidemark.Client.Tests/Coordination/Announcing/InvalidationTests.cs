using Tidemark.Client.Coordination.Announcing;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Values;

namespace Tidemark.Client.Tests.Coordination.Announcing;

/// <summary>Who keeps copies of rows is told which ones to fetch again.</summary>
public sealed class InvalidationTests
{
    [Fact]
    [Trait("req", "RUN-20")]
    public async Task A_replaced_id_is_named_with_its_former_one_after_the_push_and_what_others_wrote_after_the_apply()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        await Steps.UntilQuietAsync(a);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(b);
        a.Sql("INSERT INTO author VALUES(1, 'of a', NULL)");
        await Steps.UntilQuietAsync(a);
        b.Sql("INSERT INTO author VALUES(1, 'of b', NULL); INSERT INTO book VALUES(1, 1, 'of b', NULL)");
        var told = Listen(b);
        await b.SyncAsync();
        Assert.Equal([InvalidationSource.Push, InvalidationSource.Apply], told.Select(t => t.Source));
        var author = told[0].Types.Single(t => t.Type == "author");
        Assert.Equal([new IdReplacement(EntityKey.Of(1), EntityKey.Of(2))], author.Replaced);
        Assert.Contains(EntityKey.Of(1), author.Ids!);
        Assert.Contains(EntityKey.Of(2), author.Ids!);
        Assert.Equal([EntityKey.Of(1)], told[0].Types.Single(t => t.Type == "book").Ids);
        Assert.Equal(["author"], told[1].Types.Select(t => t.Type));
        Assert.Equal([EntityKey.Of(1)], told[1].Types[0].Ids);
    }

    [Fact]
    [Trait("req", "RUN-20")]
    public async Task Nothing_changed_nothing_raised()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'one', NULL, NULL);");
        await Steps.UntilQuietAsync(a);
        var told = Listen(a);
        await a.SyncAsync();
        a.Sql("UPDATE note SET title = 'two'");
        a.Sql("UPDATE note SET title = 'one'");
        await Steps.UntilQuietAsync(a);
        Assert.Empty(told);
    }

    [Fact]
    [Trait("req", "RUN-20")]
    public async Task Of_very_many_rows_the_type_is_named_alone_and_once()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO note SELECT 'n' || i, '', '', NULL FROM n;");
        await Steps.UntilQuietAsync(a);
        var b = world.Clone("b", a);
        b.Options.Pull.PageRowsMax = 100;
        b.Options.Pull.SliceMs = 1;
        var told = Listen(b);
        await Steps.UntilQuietAsync(b);
        var apply = Assert.Single(told);
        Assert.Equal((InvalidationSource.Apply, "note"), (apply.Source, Assert.Single(apply.Types).Type));
        Assert.Null(apply.Types[0].Ids);
    }

    [Fact]
    [Trait("req", "RUN-20")]
    public async Task A_listener_that_throws_stops_neither_the_run_nor_the_next_listener()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'one', NULL, NULL);");
        await Steps.UntilQuietAsync(a);
        var b = world.Clone("b", a);
        b.Service.Invalidated += (_, _) => throw new InvalidOperationException("of the app");
        var completed = 0;
        b.Service.Completed += (_, _) => completed++;
        await Steps.UntilQuietAsync(b);
        Assert.True(completed > 0);
        Steps.AssertEqual(a, b);
    }

    private static List<Invalidation> Listen(Device device)
    {
        var told = new List<Invalidation>();
        device.Service.Invalidated += (_, changes) => told.Add(changes);
        return told;
    }
}
