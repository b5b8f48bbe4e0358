using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>Two devices that write what belongs together.</summary>
public sealed class ConflictScheduleTests
{
    [Fact]
    [Trait("req", "PULL-06")]
    public async Task Edits_of_different_fields_both_survive()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, Schemas.Notes + "INSERT INTO note VALUES('n', 'title', 'body', NULL);");
        a.Sql("UPDATE note SET title = 'of a'");
        b.Sql("UPDATE note SET body = 'of b'");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["n|of a|of b|NULL"], a.Rows("SELECT * FROM note"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-06")]
    public async Task The_last_to_reach_the_server_wins_the_same_field_and_the_conflict_is_kept()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, Schemas.Notes + "INSERT INTO note VALUES('n', 'title', 'body', NULL);");
        b.Sql("UPDATE note SET title = 'of b'");
        a.Sql("UPDATE note SET title = 'of a'");
        await a.SyncAsync();
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal("of b", a.Scalar("SELECT title FROM note").AsText);
        Assert.True(b.Store.EngineSession.Conflicts.Count() > 0);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-03")]
    public async Task A_swap_of_unique_values_takes_one_round()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, Schemas.Notes + "INSERT INTO note VALUES('1', 'one', '', 'x'), ('2', 'two', '', 'y');");
        a.Sql("UPDATE note SET slug = 'tmp' WHERE id = '1'; UPDATE note SET slug = 'x' WHERE id = '2'; UPDATE note SET slug = 'y' WHERE id = '1'");
        var report = await a.SyncAsync();
        Assert.Equal(2, report.Push.Accepted);
        Assert.Equal(1, report.Push.Requests);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|y", "2|x"], b.Rows("SELECT id, slug FROM note ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "STO-01")]
    [Trait("req", "PUSH-01")]
    public async Task An_or_replace_over_a_unique_index_deletes_the_row_it_threw_out_everywhere()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, Schemas.Notes + "INSERT INTO note VALUES('1', 'one', '', 'x'), ('2', 'two', '', 'y');");
        a.Sql("INSERT OR REPLACE INTO note VALUES('3', 'three', '', 'x')");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["2|y", "3|x"], b.Rows("SELECT id, slug FROM note ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-06")]
    [Trait("req", "STO-04")]
    [Trait("req", "INT-07")]
    public async Task Colliding_integer_ids_with_children_on_both_sides_keep_every_child_with_its_parent()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, Schemas.Authors + "INSERT INTO author VALUES(1, 'shared', NULL);");
        foreach (var (device, name) in new[] { (a, "a"), (b, "b") })
        {
            for (var i = 2; i < 12; i++)
            {
                device.Sql($"INSERT INTO author VALUES({i}, '{name}{i}', NULL); INSERT INTO book VALUES({i}, {i}, 'book of {name}{i}', NULL); INSERT INTO book VALUES({i + 100}, {i}, 'second of {name}{i}', {i})");
            }
        }

        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(21, a.Count("SELECT count(*) FROM author"));
        Assert.Equal(0, a.Count("SELECT count(*) FROM book JOIN author ON author.id = author_id WHERE title NOT LIKE '% of ' || name"));
        Assert.Equal(0, a.Count("SELECT count(*) FROM book s JOIN book f ON f.id = s.sequel_of WHERE f.author_id <> s.author_id"));
        Assert.Equal(20, a.Count("SELECT count(*) FROM book WHERE sequel_of IS NOT NULL"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "STO-14")]
    public async Task Two_devices_that_adopt_copies_of_one_file_end_with_one_set_of_rows()
    {
        await using var world = await World.StartAsync();
        const string rows = Schemas.Authors + "INSERT INTO author VALUES(1, 'x', NULL), (2, 'y', NULL); INSERT INTO book VALUES(1, 1, 't', NULL), (2, 2, 'u', 1);";
        var a = world.Adopt("a", rows);
        var b = world.Adopt("b", rows + "UPDATE author SET note = 'only b' WHERE id = 2;");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(2, a.Count("SELECT count(*) FROM author"));
        Assert.Equal("only b", a.Scalar("SELECT note FROM author WHERE id = 2").AsText);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    [Trait("req", "PUSH-07")]
    public async Task A_refused_delete_that_cascaded_locally_can_be_discarded_and_everything_comes_back()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, Schemas.Orders + "INSERT INTO customer VALUES('c', 'n'); INSERT INTO purchase VALUES('p', 'c', 1.5); INSERT INTO item VALUES('i', 'p', 'w');");
        b.Sql("INSERT INTO purchase VALUES('p2', 'c', 2.5)");
        await b.SyncAsync();
        a.Sql("DELETE FROM purchase; DELETE FROM customer");
        var report = await a.SyncAsync();
        Assert.True(report.DeadLetters > 0);
        foreach (var dead in new Tidemark.Client.Inspection.StoreInspector(a.Store).DeadLetters())
        {
            await a.Store.DiscardAsync(dead.Id, TestContext.Current.CancellationToken);
        }

        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["c|n"], a.Rows("SELECT * FROM customer"));
        Assert.Equal(0, a.Count("SELECT count(*) FROM purchase WHERE customer_id NOT IN (SELECT id FROM customer)"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-08")]
    [Trait("req", "PULL-05")]
    public async Task Discarding_a_refused_delete_does_not_forget_the_deletion_that_came_meanwhile()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, Schemas.Orders + "INSERT INTO customer VALUES('c', 'n'); INSERT INTO purchase VALUES('p', 'c', 1.5);");
        b.Sql("PRAGMA foreign_keys = OFF; DELETE FROM customer");
        Assert.Equal(1, (await b.SyncAsync()).DeadLetters);
        a.Sql("DELETE FROM purchase; DELETE FROM customer");
        await a.SyncAsync();
        await b.SyncAsync();
        var dead = Assert.Single(new Tidemark.Client.Inspection.StoreInspector(b.Store).DeadLetters());
        await b.Store.DiscardAsync(dead.Id, TestContext.Current.CancellationToken);
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(0, b.Count("SELECT count(*) FROM customer"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PUSH-10")]
    public async Task Both_delete_the_same_row_and_nothing_is_wrong()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, Schemas.Notes + "INSERT INTO note VALUES('n', 'title', 'body', NULL);");
        a.Sql("DELETE FROM note");
        b.Sql("DELETE FROM note");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(0, a.Count("SELECT count(*) FROM note"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-06")]
    public async Task A_deleted_parent_whose_child_was_made_elsewhere_comes_back_with_it()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, Schemas.Authors + "INSERT INTO author VALUES(1, 'x', NULL);");
        a.Sql("DELETE FROM author");
        b.Sql("INSERT INTO book VALUES(1, 1, 'kept', NULL)");
        await a.SyncAsync();
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["kept|x"], a.Rows("SELECT title, name FROM book JOIN author ON author.id = author_id"));
        Steps.AssertEqual(a, b);
    }

    private static async Task<(Device A, Device B)> TwoAsync(World world, string sql)
    {
        var a = world.Adopt("a", sql);
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        Steps.AssertEqual(a, b);
        return (a, b);
    }
}
