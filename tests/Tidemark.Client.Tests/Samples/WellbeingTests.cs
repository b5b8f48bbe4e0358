using Tidemark.Client.Inspection;
using Tidemark.Client.Tests.Support;
using Tidemark.Samples.Wellbeing;
using Tidemark.Server;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Samples;

/// <summary>Three devices edit one row each offline, then sync through a real server in every order: the five custom merges of the sample.</summary>
public sealed class WellbeingTests
{
    public static TheoryData<string> Orders => ["abc", "acb", "bac", "bca", "cab", "cba"];

    [Theory]
    [MemberData(nameof(Orders))]
    [Trait("req", "CON-04")]
    [Trait("req", "CON-03")]
    public async Task Sessions_unite_what_was_counted_and_never_take_the_total_from_a_device(string order)
    {
        await using var world = await StartAsync();
        var devices = await ThreeAsync(world, "INSERT INTO sessions VALUES('s', '2026-01-01T10:00:00Z', '2026-01-01T10:10:00Z', '[[0,10]]', 'run', 77)");
        await SetAsServerAsync(world, "UPDATE sessions SET total_minutes = 10");
        devices[0].Sql("UPDATE sessions SET ranges = '[[0,10],[20,30]]', ended_at = '2026-01-01T10:30:00Z', total_minutes = 500");
        devices[1].Sql("UPDATE sessions SET ranges = '[[0,10],[25,40]]', ended_at = '2026-01-01T10:40:00Z', note = 'long run'");
        devices[2].Sql("UPDATE sessions SET ranges = '[[-5,10]]', started_at = '2026-01-01T09:55:00Z', total_minutes = 900");
        Assert.Equal("2026-01-01T09:55:00Z|2026-01-01T10:40:00Z|[[-5,10],[20,40]]|long run|10", await EndAsync(devices, order, "SELECT started_at, ended_at, ranges, note, total_minutes FROM sessions"));
    }

    [Theory]
    [MemberData(nameof(Orders))]
    [Trait("req", "CON-04")]
    public async Task The_same_meal_noted_on_three_devices_is_one(string order)
    {
        await using var world = await StartAsync();
        var devices = await ThreeAsync(world, "INSERT INTO products VALUES('p', 0, 'bread', 250, NULL, NULL)");
        devices[0].Sql("INSERT INTO consumptions VALUES('c0', 'breakfast-1', 'p', 80, '2026-01-01T08:00:00Z', NULL)");
        devices[1].Sql("INSERT INTO consumptions VALUES('c1', 'breakfast-1', 'p', 80, '2026-01-01T08:00:00Z', 'with jam')");
        devices[2].Sql("INSERT INTO consumptions VALUES('c2', 'breakfast-1', NULL, 80, '2026-01-01T08:00:00Z', NULL)");
        Assert.Equal("breakfast-1|p|80|2026-01-01T08:00:00Z|with jam", await EndAsync(devices, order, "SELECT idempotency_key, product_id, grams, eaten_at, note FROM consumptions"));
    }

    [Fact]
    [Trait("req", "CON-04")]
    [Trait("req", "CON-09")]
    public async Task Two_meals_under_one_id_are_a_question()
    {
        await using var world = await StartAsync();
        var devices = await ThreeAsync(world, "SELECT 1");
        devices[0].Sql("INSERT INTO consumptions VALUES('c', 'lunch', NULL, 1, NULL, NULL)");
        devices[1].Sql("INSERT INTO consumptions VALUES('c', 'dinner', NULL, 2, NULL, NULL)");
        await devices[0].SyncAsync();
        await devices[1].SyncAsync();
        Assert.Equal("Two different meals have one id.", Assert.Single(new StoreInspector(devices[1].Store).Conflicts(10, onlyOpen: true)).Reason);
    }

    [Theory]
    [MemberData(nameof(Orders))]
    [Trait("req", "CON-04")]
    public async Task Of_a_public_product_the_public_part_is_the_servers_and_the_private_part_the_users(string order)
    {
        await using var world = await StartAsync();
        var devices = await ThreeAsync(world, "INSERT INTO products VALUES('p', 1, 'bread', 250, NULL, NULL)");
        await SetAsServerAsync(world, "UPDATE products SET name = 'rye bread', calories = 240");
        devices[0].Sql("UPDATE products SET rating = 5, name = 'my bread'");
        devices[1].Sql("UPDATE products SET private_note = 'from the corner', calories = 1");
        devices[2].Sql("UPDATE products SET name = 'bred'");
        Assert.Equal("rye bread|240|5|from the corner", await EndAsync(devices, order, "SELECT name, calories, rating, private_note FROM products"));
    }

    [Theory]
    [MemberData(nameof(Orders))]
    [Trait("req", "CON-04")]
    public async Task When_a_device_was_last_seen_never_is_a_conflict(string order)
    {
        await using var world = await StartAsync();
        var devices = await ThreeAsync(world, "INSERT INTO devices VALUES('d', 'phone', '2026-01-01T00:00:00Z', 90)");
        devices[0].Sql("UPDATE devices SET last_seen = '2026-01-01T01:00:00Z', battery = 70");
        devices[1].Sql("UPDATE devices SET last_seen = '2026-01-01T03:00:00Z', battery = 30");
        devices[2].Sql("UPDATE devices SET last_seen = '2026-01-01T02:00:00Z', battery = 50, name = 'my phone'");
        Assert.Equal("my phone|2026-01-01T03:00:00Z|30", await EndAsync(devices, order, "SELECT name, last_seen, battery FROM devices"));
        Assert.All(devices, d => Assert.DoesNotContain(new StoreInspector(d.Store).Conflicts(10, onlyOpen: false), c => c.Outcome == "MANUAL_REQUIRED"));
        Assert.All(devices, d => Assert.Equal(0, d.Service is null ? 1 : new StoreInspector(d.Store).History(100).Sum(h => h.Failed)));
    }

    [Theory]
    [MemberData(nameof(Orders))]
    [Trait("req", "CON-04")]
    public async Task Journal_entries_unite_tags_and_objects_and_count_the_words_of_the_merged_text(string order)
    {
        await using var world = await StartAsync();
        var devices = await ThreeAsync(world, """INSERT INTO journal_entries VALUES('j', 'one' || char(10) || 'two' || char(10) || 'three', '["a"]', '{"mood":{"am":1}}', 3)""");
        devices[0].Sql("""UPDATE journal_entries SET body = 'one plus' || char(10) || 'two' || char(10) || 'three', tags = '["a","walk"]', words = 4""");
        devices[1].Sql("""UPDATE journal_entries SET tags = '["a","rain"]', meta = '{"mood":{"am":1,"pm":2}}'""");
        devices[2].Sql("""UPDATE journal_entries SET body = 'one' || char(10) || 'two' || char(10) || 'three plus', meta = '{"mood":{"am":1},"place":"home"}', words = 4""");
        var end = await EndAsync(devices, order, "SELECT replace(body, char(10), '/'), meta, words, (SELECT group_concat(value) FROM (SELECT value FROM json_each(tags) ORDER BY value)) FROM journal_entries");
        Assert.Equal("""one plus/two/three plus|{"mood":{"am":1,"pm":2},"place":"home"}|5|a,rain,walk""", end);
    }

    [Fact]
    [Trait("req", "CON-04")]
    [Trait("req", "CON-06")]
    public async Task Usage_records_never_meet()
    {
        await using var world = await StartAsync();
        var devices = await ThreeAsync(world, "SELECT 1");
        for (var i = 0; i < 3; i++)
        {
            devices[i].Sql($"INSERT INTO ai_usage_records VALUES('u{i}', {i}), ('same', 7)");
        }

        Assert.Equal("same:7,u0:0,u1:1,u2:2", await EndAsync(devices, "abc", "SELECT group_concat(id || ':' || tokens) FROM (SELECT * FROM ai_usage_records ORDER BY id)"));
    }

    private static async Task<World> StartAsync()
    {
        var world = await World.StartAsync(new ServerOptions { Dev = true, Merges = WellbeingModel.Merges() });
        world.Merges = WellbeingModel.Merges();
        return world;
    }

    private static async Task<Device[]> ThreeAsync(World world, string sql)
    {
        var model = WellbeingModel.Build();
        Device[] devices = [world.Create("a", model), world.Create("b", model), world.Create("c", model)];
        devices[0].Sql(sql.StartsWith("SELECT", StringComparison.Ordinal) ? "DELETE FROM devices" : sql);
        await Steps.UntilQuietAsync(devices);
        return devices;
    }

    // Another program writes the server's own tables, as their owner may.
    private static async Task SetAsServerAsync(World world, string sql)
    {
        using var connection = SqliteFile.Open(System.IO.Path.Combine(world.ServerFolder, "tidemark.db"), new OpenOptions());
        connection.Run(sql);
        await Task.CompletedTask;
    }

    private static async Task<string> EndAsync(Device[] devices, string order, string sql)
    {
        foreach (var device in order)
        {
            await devices[device - 'a'].SyncAsync();
        }

        await Steps.UntilQuietAsync(devices);
        Steps.AssertEqual(devices[0], devices[1]);
        Steps.AssertEqual(devices[1], devices[2]);
        return Assert.Single(devices[0].Rows(sql));
    }
}
