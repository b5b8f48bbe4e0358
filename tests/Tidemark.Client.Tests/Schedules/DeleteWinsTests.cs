using Tidemark.Client.Coordination;
using Tidemark.Client.Storage;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>Deletions that win against edits, with what depends on the deleted row.</summary>
public sealed class DeleteWinsTests
{
    private const string Sql = """
        CREATE TABLE trip(id TEXT PRIMARY KEY, name TEXT);
        CREATE TABLE day(id TEXT PRIMARY KEY, trip_id TEXT NOT NULL REFERENCES trip(id) ON DELETE CASCADE, name TEXT);
        CREATE TABLE stop(id TEXT PRIMARY KEY, day_id TEXT NOT NULL REFERENCES day(id) ON DELETE CASCADE, name TEXT);
        """;

    [Fact]
    [Trait("req", "PULL-06")]
    [Trait("req", "CON-08")]
    public async Task Rows_made_below_a_deleted_row_go_with_it_and_are_recorded()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world);
        a.Sql("PRAGMA foreign_keys = ON; DELETE FROM trip WHERE id = 't1'");
        await a.SyncAsync();
        b.Sql("UPDATE trip SET name = 'edited' WHERE id = 't1'; INSERT INTO day VALUES('d9', 't1', 'new'); INSERT INTO stop VALUES('s9', 'd9', 'newer')");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["t2"], b.Rows("SELECT id FROM trip"));
        Assert.Equal(["d2"], b.Rows("SELECT id FROM day"));
        Assert.Equal(0, b.Count("SELECT count(*) FROM stop"));
        Assert.Equal(3, b.Count("SELECT count(DISTINCT key) FROM _tm_conflict WHERE outcome = 'ADOPT_SERVER' AND key IN ('\"t1\"', '\"d9\"', '\"s9\"')"));
        Assert.Equal(1, b.Count("SELECT count(*) FROM _tm_conflict WHERE key = '\"s9\"' AND local IS NOT NULL"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-06")]
    [Trait("req", "CON-08")]
    public async Task A_row_that_was_moved_below_a_deleted_row_is_back_where_the_server_has_it()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world);
        a.Sql("PRAGMA foreign_keys = ON; DELETE FROM trip WHERE id = 't1'");
        await a.SyncAsync();
        b.Sql("UPDATE day SET trip_id = 't1', name = 'moved' WHERE id = 'd2'");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["d2|t2|second"], b.Rows("SELECT * FROM day"));
        Assert.True(b.Count("SELECT count(*) FROM _tm_conflict WHERE key = '\"d2\"' AND outcome = 'ADOPT_SERVER'") > 0);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-06")]
    [Trait("req", "CON-08")]
    public async Task What_depends_on_a_deleted_row_and_has_no_verdict_yet_holds_the_deletion_until_it_has()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world);
        b.Sql("INSERT INTO day VALUES('d9', 't1', 'on its way'); INSERT INTO stop VALUES('s9', 'd9', 'below')");
        b.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropRequest : Fault.None;
        a.Sql("PRAGMA foreign_keys = ON; DELETE FROM trip WHERE id = 't1'");
        await a.SyncAsync();
        await b.TrySyncAsync();
        Assert.Equal(1, b.Count("SELECT count(*) FROM trip WHERE id = 't1'"));
        Assert.Contains(b.Store.EngineSession.Aside.ReadAll(), r => r.Type == "trip" && r.Cause == AsideCause.AwaitingVerdict);
        b.Network.Decide = _ => Fault.None;
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["t2"], b.Rows("SELECT id FROM trip"));
        Assert.Equal(["d2"], b.Rows("SELECT id FROM day"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-06")]
    [Trait("req", "CON-08")]
    public async Task An_edit_below_a_deleted_row_goes_with_it_although_edits_win_for_its_own_type()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world);
        a.Sql("PRAGMA foreign_keys = ON; DELETE FROM trip WHERE id = 't1'");
        await a.SyncAsync();
        b.Sql("UPDATE day SET name = 'edited' WHERE id = 'd1'");
        await b.SyncAsync(SyncMode.PullOnly);
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["d2"], b.Rows("SELECT id FROM day"));
        Assert.Equal(["t2"], a.Rows("SELECT id FROM trip"));
        Steps.AssertEqual(a, b);
    }

    [Theory]
    [Trait("req", "PULL-06")]
    [Trait("req", "CON-08")]
    [InlineData(SyncMode.Full)]
    [InlineData(SyncMode.PullOnly)]
    public async Task What_was_made_below_a_former_key_and_took_its_unique_value_does_not_hold_the_row_off_for_ever(SyncMode first)
    {
        await using var world = await World.StartAsync();
        var a = world.Make("a", "CREATE TABLE member(id TEXT PRIMARY KEY, boss TEXT NOT NULL REFERENCES member(id) ON UPDATE CASCADE ON DELETE CASCADE, code TEXT UNIQUE);", t => t with { DeletePolicy = DeletePolicy.DeleteWins });
        var b = world.Clone("b", a);
        a.Sql("INSERT INTO member VALUES('m1', 'm1', 'blue'), ('m2', 'm1', NULL)");
        await Steps.UntilQuietAsync(a, b);
        a.Sql("PRAGMA foreign_keys = ON; UPDATE member SET id = 'm9' WHERE id = 'm1'");
        await a.SyncAsync();
        b.Sql("UPDATE member SET code = NULL WHERE id = 'm1'; INSERT INTO member VALUES('n', 'm1', 'blue')");
        await b.SyncAsync(first);
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["m2|m9|NULL", "m9|m9|blue"], b.Rows("SELECT * FROM member ORDER BY id"));
        Assert.True(b.Count("SELECT count(*) FROM _tm_conflict WHERE key = '\"n\"' AND local IS NOT NULL") > 0);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    [Trait("req", "CON-08")]
    public async Task A_row_made_below_a_former_key_whose_deletion_is_held_up_is_refused_in_the_end()
    {
        await using var world = await World.StartAsync();
        var a = world.Make("a", """
            CREATE TABLE member(id TEXT PRIMARY KEY, code TEXT UNIQUE, pet TEXT REFERENCES pet(id));
            CREATE TABLE pet(id TEXT PRIMARY KEY, owner TEXT NOT NULL REFERENCES member(id) ON UPDATE CASCADE ON DELETE CASCADE);
            """, t => t with { DeletePolicy = DeletePolicy.DeleteWins });
        var b = world.Clone("b", a);
        a.Sql("INSERT INTO member VALUES('m1', 'blue', NULL); INSERT INTO pet VALUES('q', 'm1')");
        await Steps.UntilQuietAsync(a, b);
        a.Sql("PRAGMA foreign_keys = ON; UPDATE member SET id = 'm9'");
        await a.SyncAsync();
        b.Sql("UPDATE member SET code = NULL; INSERT INTO pet VALUES('p', 'm1'); INSERT INTO member VALUES('n', 'blue', 'p')");
        var inspector = new Tidemark.Client.Inspection.StoreInspector(b.Store);
        for (var round = 0; round < 40; round++) // What is held off by what, and that by what is refused in the end: a person sees each.
        {
            await b.SyncAsync();
            foreach (var letter in inspector.DeadLetters())
            {
                await b.Store.DiscardAsync(letter.Id, TestContext.Current.CancellationToken);
            }
        }

        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["m9|blue|NULL"], b.Rows("SELECT * FROM member"));
        Assert.Equal(["q|m9"], b.Rows("SELECT * FROM pet"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-06")]
    [Trait("req", "PULL-09")]
    [Trait("req", "CON-08")]
    public async Task Another_devices_row_comes_under_the_id_of_one_that_goes_along_with_its_parent()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TripsAsync(world);
        a.Sql("UPDATE day SET trip_id = 't2' WHERE id = 1; INSERT INTO day VALUES(3, 't2', 'of a'); DELETE FROM trip WHERE id = 't1'");
        await a.SyncAsync();
        b.Options.Push.BatchCommandsMax = 1; // The deletion is told of first, and waits for the row that was moved.
        b.Sql("UPDATE trip SET name = 'edited' WHERE id = 't1'; INSERT INTO day VALUES(3, 't1', 'of b')");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["1|t2|a", "2|t2|b", "3|t2|of a"], b.Rows("SELECT * FROM day ORDER BY id"));
        Assert.Equal(1, b.Count("SELECT count(*) FROM _tm_conflict WHERE CAST(local AS TEXT) LIKE '%of b%'"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-06")]
    [Trait("req", "PULL-09")]
    public async Task A_row_whose_new_version_is_held_off_stays_and_holds_the_deletion_of_its_former_parent()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TripsAsync(world);
        a.Sql("UPDATE day SET trip_id = 't2', slug = 'x' WHERE id = 1; DELETE FROM trip WHERE id = 't1'");
        await a.SyncAsync();
        b.Sql("UPDATE day SET slug = 'x' WHERE id = 2");
        await b.SyncAsync(SyncMode.PullOnly);
        Assert.Equal(["1|t1|a", "2|t2|x"], b.Rows("SELECT * FROM day ORDER BY id"));
        Assert.Equal(["t1", "t2"], b.Rows("SELECT id FROM trip ORDER BY id"));
        b.Sql("UPDATE day SET slug = 'y' WHERE id = 2");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["1|t2|x", "2|t2|y"], b.Rows("SELECT * FROM day ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    private static async Task<(Device A, Device B)> TripsAsync(World world)
    {
        var a = world.Make("a", """
            CREATE TABLE trip(id TEXT PRIMARY KEY, name TEXT);
            CREATE TABLE day(id INTEGER PRIMARY KEY, trip_id TEXT NOT NULL REFERENCES trip(id), slug TEXT UNIQUE);
            """, t => t with { DeletePolicy = DeletePolicy.DeleteWins });
        var b = world.Clone("b", a);
        a.Sql("INSERT INTO trip VALUES('t1', 'one'), ('t2', 'two'); INSERT INTO day VALUES(1, 't1', 'a'), (2, 't2', 'b')");
        await Steps.UntilQuietAsync(a, b);
        return (a, b);
    }

    private static async Task<(Device A, Device B)> TwoAsync(World world)
    {
        var a = world.Make("a", Sql, t => t.Name == "trip" ? t with { DeletePolicy = DeletePolicy.DeleteWins } : t);
        await a.SyncAsync();
        var b = world.Clone("b", a);
        a.Sql("INSERT INTO trip VALUES('t1', 'one'), ('t2', 'two'); INSERT INTO day VALUES('d1', 't1', 'first'), ('d2', 't2', 'second'); INSERT INTO stop VALUES('s1', 'd1', 'x')");
        await Steps.UntilQuietAsync(a, b);
        Steps.AssertEqual(a, b);
        return (a, b);
    }
}
