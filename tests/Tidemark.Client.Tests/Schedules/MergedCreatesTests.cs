using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;

namespace Tidemark.Client.Tests.Schedules;

/// <summary>Two devices make a row of the same unique value, and the unique key's rule is to merge them.</summary>
public sealed class MergedCreatesTests
{
    private const string Tags = """
        CREATE TABLE tag(id TEXT PRIMARY KEY COLLATE NOCASE, name TEXT UNIQUE, colour TEXT, note TEXT);
        CREATE TABLE mark(id TEXT PRIMARY KEY, tag_id TEXT NOT NULL REFERENCES tag(id), what TEXT);
        CREATE TABLE stroke(id TEXT PRIMARY KEY, mark_id TEXT NOT NULL REFERENCES mark(id), tag_id TEXT REFERENCES tag(id));
        """;

    private const string Authors = """
        CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, note TEXT);
        CREATE TABLE book(id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES author(id) ON DELETE CASCADE, title TEXT NOT NULL);
        """;

    [Fact]
    [Trait("req", "SRV-13")]
    [Trait("req", "PUSH-06")]
    public async Task Two_devices_that_make_the_same_row_under_their_own_keys_end_with_one_and_all_its_children()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, Tags);
        a.Sql("INSERT INTO tag VALUES('ka', 'red', '#f00', NULL); INSERT INTO mark VALUES('ma', 'ka', 'of a')");
        b.Sql("INSERT INTO tag VALUES('kb', 'red', '#e00', 'by b'); INSERT INTO mark VALUES('mb', 'KB', 'of b'); INSERT INTO stroke VALUES('s', 'mb', 'kb')");
        await a.SyncAsync();
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["ka|red|#e00|by b"], a.Rows("SELECT * FROM tag"));
        Assert.Equal(["ma|ka", "mb|ka"], b.Rows("SELECT id, tag_id FROM mark ORDER BY id"));
        Assert.Equal(["s|mb|ka"], a.Rows("SELECT * FROM stroke"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "SRV-13")]
    [Trait("req", "PUSH-06")]
    public async Task Server_assigned_ids_are_merged_too_also_when_both_devices_chose_the_same_id()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, Authors);
        a.Sql("INSERT INTO author VALUES(1, 'first', NULL), (2, 'both', NULL); INSERT INTO book VALUES(1, 2, 'of a')");
        b.Sql("INSERT INTO author VALUES(1, 'both', 'b knows'), (2, 'other', NULL); INSERT INTO book VALUES(1, 1, 'of b'), (2, 2, 'of other')");
        await a.SyncAsync();
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["both|b knows", "first|NULL", "other|NULL"], a.Rows("SELECT name, note FROM author ORDER BY name"));
        Assert.Equal(["of a|both", "of b|both", "of other|other"], b.Rows("SELECT title, name FROM book JOIN author ON author.id = author_id ORDER BY title"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "SRV-13")]
    [Trait("req", "PUSH-04")]
    public async Task A_lost_answer_changes_nothing_and_edits_made_meanwhile_reach_the_row_that_stays()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, Tags);
        a.Sql("INSERT INTO tag VALUES('ka', 'red', '#f00', NULL)");
        await a.SyncAsync();
        b.Sql("INSERT INTO tag VALUES('kb', 'red', NULL, NULL); INSERT INTO mark VALUES('mb', 'kb', 'of b')");
        b.Network.Decide = path => path.EndsWith("/push", StringComparison.Ordinal) ? Fault.DropResponse : Fault.None;
        await b.TrySyncAsync();
        b.Network.Decide = _ => Fault.None;
        b.Sql("UPDATE tag SET note = 'edited meanwhile'; INSERT INTO mark VALUES('mc', 'kb', 'later')");
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["ka|red|#f00|edited meanwhile"], a.Rows("SELECT * FROM tag"));
        Assert.Equal(["mb|ka", "mc|ka"], a.Rows("SELECT id, tag_id FROM mark ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task A_row_deleted_before_it_was_known_to_be_another_devices_takes_that_one_not_along()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, Tags);
        a.Sql("INSERT INTO tag VALUES('ka', 'red', '#f00', 'of a')");
        await a.SyncAsync();
        b.Sql("INSERT INTO tag VALUES('kb', 'red', NULL, NULL)");
        b.DuringNextPush("DELETE FROM tag");
        await b.SyncAsync();
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["ka|red|#f00|of a"], b.Rows("SELECT * FROM tag"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task Two_rows_of_one_device_that_the_servers_rule_takes_for_one_become_one()
    {
        await using var world = await World.StartAsync();
        const string sql = "CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT, note TEXT); CREATE TABLE book(id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES author(id), title TEXT);";
        var a = world.Make("a", sql, t => t.Name == "author" ? t with { UniqueKeys = [new UniqueKey { Fields = ["name"], Rule = UniqueRule.Merge }] } : t);
        await a.SyncAsync();
        a.Sql("INSERT INTO author VALUES(5, 'x', NULL), (7, 'x', 'second'); INSERT INTO book VALUES(1, 5, 't'), (2, 7, 'u')");
        await Steps.UntilQuietAsync(a);
        Assert.Equal(["5|x|second"], a.Rows("SELECT * FROM author"));
        Assert.Equal(["1|5", "2|5"], a.Rows("SELECT id, author_id FROM book ORDER BY id"));
        a.AssertQuiet();
    }

    [Theory]
    [InlineData("id TEXT PRIMARY KEY", "'k{0}'")]
    [InlineData("id INTEGER PRIMARY KEY", "{0}")]
    [Trait("req", "SRV-13")]
    public async Task Natural_keys_within_merged_parents_are_merged_as_well(string key, string value)
    {
        await using var world = await World.StartAsync();
        var type = key.Split(' ')[1];
        var sql = $"CREATE TABLE shelf({key}, name TEXT UNIQUE); CREATE TABLE box({key}, shelf_id {type} NOT NULL REFERENCES shelf(id), name TEXT, UNIQUE(shelf_id, name)); CREATE TABLE thing({key}, box_id {type} NOT NULL REFERENCES box(id), name TEXT);";
        var (a, b) = await TwoAsync(world, sql);
        foreach (var (device, number) in new[] { (a, 1), (b, 2) })
        {
            var id = string.Format(System.Globalization.CultureInfo.InvariantCulture, value, number);
            device.Sql($"INSERT INTO shelf VALUES({id}, 's'); INSERT INTO box VALUES({id}, {id}, 'b'); INSERT INTO thing VALUES({id}, {id}, 't{number}')");
        }

        await a.SyncAsync();
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(1, a.Count("SELECT count(*) FROM shelf"));
        Assert.Equal(1, a.Count("SELECT count(*) FROM box"));
        Assert.Equal(["t1", "t2"], a.Rows("SELECT thing.name FROM thing JOIN box ON box.id = box_id JOIN shelf ON shelf.id = shelf_id ORDER BY 1"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "SRV-13")]
    public async Task A_unique_value_that_moves_within_one_push_merges_nothing()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await TwoAsync(world, Tags);
        a.Sql("INSERT INTO tag VALUES('k1', 'red', NULL, NULL)");
        await Steps.UntilQuietAsync(a, b);
        a.Sql("UPDATE tag SET name = 'blue'; INSERT INTO tag VALUES('k2', 'red', NULL, NULL)");
        b.Sql("UPDATE tag SET note = 'n'");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["k1|blue", "k2|red"], b.Rows("SELECT id, name FROM tag ORDER BY id"));
        Steps.AssertEqual(a, b);
    }

    private static async Task<(Device A, Device B)> TwoAsync(World world, string sql)
    {
        var a = world.Make("a", sql, t => t with { UniqueKeys = [.. t.UniqueKeys.Select(u => u with { Rule = UniqueRule.Merge })] });
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        return (a, b);
    }

    [Fact]
    [Trait("req", "STO-14")]
    [Trait("req", "PUSH-05")]
    public async Task An_adopted_row_meets_the_one_of_another_file_also_when_it_is_sent_again_after_its_parent()
    {
        await using var world = await World.StartAsync();
        const string Schema = """
            CREATE TABLE shop(id TEXT PRIMARY KEY, word TEXT);
            CREATE TABLE list(id INTEGER PRIMARY KEY, shop_id TEXT NOT NULL REFERENCES shop(id), word TEXT);
            """;
        var a = world.Adopt("a", Schema + "INSERT INTO shop VALUES('s1', 'one'); INSERT INTO list VALUES(8, 's1', 'eight');");
        await a.SyncAsync();
        var b = world.Adopt("b", Schema + "INSERT INTO shop VALUES('s1', 'uno'); INSERT INTO list VALUES(8, 's1', 'otto');"); // Its shop is a conflict.
        await Steps.UntilQuietAsync(b, a);
        Assert.Equal(["8"], a.Rows("SELECT id FROM list"));
        Steps.AssertEqual(a, b);
    }
}
