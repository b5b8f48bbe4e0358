using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>A column that marks a row as deleted: a deletion on the wire, a mark in the file.</summary>
public sealed class SoftDeleteTests
{
    private const string Lists = """
        CREATE TABLE list(id TEXT PRIMARY KEY, name TEXT, deleted_at TEXT);
        CREATE TABLE entry(id INTEGER PRIMARY KEY, list_id TEXT NOT NULL REFERENCES list(id) ON DELETE CASCADE, what TEXT, slug TEXT UNIQUE, gone INTEGER NOT NULL DEFAULT 0);
        CREATE TABLE detail(id TEXT PRIMARY KEY, entry_id INTEGER NOT NULL REFERENCES entry(id) ON DELETE CASCADE, what TEXT);
        INSERT INTO list VALUES('l', 'shopping', NULL);
        INSERT INTO entry VALUES(1, 'l', 'milk', 'm', 0);
        INSERT INTO detail VALUES('d', 1, 'fat');
        """;

    [Fact]
    [Trait("req", "STO-19")]
    public async Task Setting_the_column_is_one_delete_on_the_wire_and_sets_it_elsewhere()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world);
        a.Network.PushBodies.Clear();
        a.Sql("UPDATE entry SET what = 'oat milk'; UPDATE entry SET gone = 1");
        await Steps.UntilQuietAsync(a, b);
        var body = Assert.Single(a.Network.PushBodies);
        Assert.Equal(1, Occurrences(body, "\"operation\":\"DELETE\""));
        Assert.Equal(1, Occurrences(body, "\"operation\""));
        Assert.Equal(["1|milk|1"], b.Rows("SELECT id, what, gone FROM entry"));
        Assert.Equal(0, b.Count("SELECT count(*) FROM detail"));
        Assert.Equal(0, a.Count("SELECT count(*) FROM detail"));
        a.AssertQuiet();
        b.AssertQuiet();
        await AssertVerifiedAsync(a, b);
    }

    [Fact]
    [Trait("req", "STO-19")]
    public async Task A_time_column_gets_the_time_of_the_deletion_and_a_restore_clears_it()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world);
        a.Sql("UPDATE list SET deleted_at = '2026-11-01T10:00:00Z'");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(1, b.Count("SELECT count(*) FROM list WHERE julianday(deleted_at) IS NOT NULL"));
        Assert.Equal(1, b.Count("SELECT count(*) FROM entry WHERE gone = 1"));
        b.Sql("UPDATE list SET deleted_at = NULL, name = 'back'; UPDATE entry SET gone = 0");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["l|back|NULL"], a.Rows("SELECT * FROM list"));
        Assert.Equal(["1|milk|0"], a.Rows("SELECT id, what, gone FROM entry"));
        Assert.Equal(0, b.Count("SELECT count(*) FROM _tm_tombstone WHERE key IN ('\"l\"', '1')"));
        Steps.AssertEqual(a, b);
        await AssertVerifiedAsync(a, b);
    }

    [Theory]
    [InlineData(DeletePolicy.UpdateWins)]
    [InlineData(DeletePolicy.DeleteWins)]
    [Trait("req", "STO-19")]
    public async Task A_restore_made_elsewhere_comes_back_whatever_the_rule_of_deletions(DeletePolicy policy)
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, policy);
        a.Sql("UPDATE entry SET gone = 1");
        await Steps.UntilQuietAsync(a, b);
        b.Sql("UPDATE entry SET gone = 0, what = 'again'");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["1|again|0"], a.Rows("SELECT id, what, gone FROM entry"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "STO-19")]
    public async Task Set_and_cleared_before_a_run_and_edits_of_a_deleted_row_send_nothing()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world);
        a.Network.PushBodies.Clear();
        a.Sql("UPDATE entry SET gone = 1; UPDATE entry SET gone = 0; INSERT INTO entry VALUES(7, 'l', 'never', NULL, 0); UPDATE entry SET gone = 1 WHERE id = 7; UPDATE entry SET what = 'edited' WHERE id = 7");
        await Steps.UntilQuietAsync(a, b);
        Assert.Empty(a.Network.PushBodies);
        Assert.Equal(1, b.Count("SELECT count(*) FROM entry"));
        a.AssertQuiet();
    }

    [Fact]
    [Trait("req", "STO-19")]
    [Trait("req", "PULL-06")]
    public async Task An_edit_elsewhere_revives_a_deleted_row_and_clears_the_mark()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world);
        a.Sql("UPDATE entry SET gone = 1");
        b.Sql("UPDATE entry SET what = 'edited'");
        await b.SyncAsync();
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["1|edited|0"], a.Rows("SELECT id, what, gone FROM entry"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "STO-19")]
    [Trait("req", "INT-01")]
    public async Task A_marked_row_goes_for_good_when_its_parent_does()
    {
        await using var world = await World.StartAsync();
        const string sql = "CREATE TABLE list(id TEXT PRIMARY KEY); CREATE TABLE entry(id TEXT PRIMARY KEY, list_id TEXT NOT NULL REFERENCES list(id) ON DELETE CASCADE, gone INTEGER); CREATE TABLE tip(id TEXT PRIMARY KEY, entry_id TEXT NOT NULL REFERENCES entry(id) ON DELETE CASCADE, gone INTEGER);";
        var a = world.Make("a", sql, t => Marked(t, "gone", FieldType.Boolean));
        await a.SyncAsync();
        var b = world.Clone("b", a);
        a.Sql("INSERT INTO list VALUES('l'); INSERT INTO entry VALUES('e', 'l', 0); INSERT INTO tip VALUES('t', 'e', 0)");
        await Steps.UntilQuietAsync(a, b);
        a.Sql("UPDATE entry SET gone = 1");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["e|1"], b.Rows("SELECT id, gone FROM entry"));
        b.Sql("PRAGMA foreign_keys = ON; DELETE FROM list");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(0, a.Count("SELECT (SELECT count(*) FROM list) + (SELECT count(*) FROM entry) + (SELECT count(*) FROM tip)"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "STO-19")]
    public async Task A_marked_row_keeps_no_unique_value_from_a_row_that_lives()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world);
        a.Sql("UPDATE entry SET gone = 1");
        await Steps.UntilQuietAsync(a, b);
        a.Sql("DELETE FROM entry WHERE gone; INSERT INTO entry VALUES(5, 'l', 'new milk', 'm', 0)");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["5|m|0"], b.Rows("SELECT id, slug, gone FROM entry"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "STO-19")]
    [Trait("req", "STO-04")]
    public async Task A_marked_row_that_never_left_makes_room_for_another_of_its_id()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world);
        a.Sql("INSERT INTO entry VALUES(2, 'l', 'mine', NULL, 1); INSERT INTO detail VALUES('x', 2, 'of mine')");
        b.Sql("INSERT INTO entry VALUES(2, 'l', 'of b', NULL, 0)");
        await b.SyncAsync();
        await a.SyncAsync(Tidemark.Client.Coordination.SyncMode.PullOnly);
        Assert.Equal(["of b|0"], a.Rows("SELECT what, gone FROM entry WHERE id = 2"));
        Assert.Equal(["mine"], a.Rows("SELECT entry.what FROM detail JOIN entry ON entry.id = entry_id WHERE detail.id = 'x'"));
    }

    private static async Task<(Device A, Device B)> TwoAsync(World world, DeletePolicy policy = DeletePolicy.UpdateWins)
    {
        var a = world.Make("a", Lists.Split("INSERT", 2)[0], t => Marked(Marked(t, "gone", FieldType.Boolean), "deleted_at", FieldType.Timestamp) with { DeletePolicy = policy });
        await a.SyncAsync();
        var b = world.Clone("b", a);
        a.Sql("INSERT" + Lists.Split("INSERT", 2)[1]);
        await Steps.UntilQuietAsync(a, b);
        Steps.AssertEqual(a, b);
        return (a, b);
    }

    private static EntityType Marked(EntityType type, string field, FieldType as_) => type.FindOrdinal(field) < 0 ? type : type with
    {
        SoftDelete = field,
        Fields = [.. type.Fields.Select(f => f.Name == field ? f with { Type = as_ } : f)],
    };

    private static int Occurrences(string text, string part) => (text.Length - text.Replace(part, "", StringComparison.Ordinal).Length) / part.Length;

    private static async Task AssertVerifiedAsync(params Device[] devices)
    {
        foreach (var device in devices)
        {
            Assert.True((await device.Service.VerifyAsync(TestContext.Current.CancellationToken)).Equal);
        }
    }
}
