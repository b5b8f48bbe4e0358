using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.BadInput;

/// <summary>Values as files hold them: what can travel arrives as it was, what cannot is a dead letter that names its field, and the rest goes on.</summary>
public sealed class BadValueTests
{
    private const string Odd = """
        CREATE TABLE odd(id TEXT PRIMARY KEY NOT NULL, v, n INTEGER, r REAL, t TEXT);
        """;

    [Fact]
    [Trait("req", "STO-15")]
    [Trait("req", "MOD-08")]
    public async Task Values_at_the_edges_of_what_SQLite_stores_arrive_as_they_were()
    {
        var (world, first, second) = await World.OfAsync(Odd);
        await using var _ = world;
        await SqliteShell.RunAsync(first.Database, """
            INSERT INTO odd VALUES('infinite', 9e999, 1, -9e999, 'x');
            INSERT INTO odd VALUES('nan', 9e999 - 9e999, 2, 0.0, '');
            INSERT INTO odd VALUES('large', 9007199254740993, 9223372036854775807, 9007199254740993.0, '9007199254740993');
            INSERT INTO odd VALUES('small', -9223372036854775808, -9007199254740993, 5e-324, '-0');
            INSERT INTO odd VALUES('classes', x'00ff', '12', '1.5', 7);
            INSERT INTO odd VALUES('emoji', '😀', NULL, NULL, char(0x1F600, 0x301, 0xFFFD, 0x10FFFF));
            INSERT INTO odd VALUES('combining', 'é', NULL, NULL, char(0x65, 0x301));
            """);
        Assert.Equal(7, (await first.SyncAsync()).GetProperty("pushed").GetInt64());
        await Convergence.SyncUntilQuietAsync(first, second);
        await TableComparison.AssertEqualAsync(first.Database, second.Database);
        Assert.Equal("Inf|real|-Inf", await SqliteShell.TextAsync(second.Database, "SELECT v, typeof(v), r FROM odd WHERE id = 'infinite'"));
        Assert.Equal("9007199254740993|9223372036854775807", await SqliteShell.TextAsync(second.Database, "SELECT v, n FROM odd WHERE id = 'large'"));
        Assert.True((await second.VerifyAsync()).GetProperty("equal").GetBoolean());
    }

    [Fact]
    [Trait("req", "STO-15")]
    [Trait("req", "PUSH-07")]
    public async Task A_text_that_is_none_is_a_dead_letter_that_names_its_field_until_it_is_corrected()
    {
        // NUL; both halves of a surrogate pair by themselves; bytes that stand nowhere in UTF-8, overlong, beyond Unicode, cut off.
        string[] bad = ["610062", "eda080", "edb080", "ff41", "c0af", "f4908080", "41c3"];
        var (world, first, second) = await World.OfAsync(Odd);
        await using var _ = world;
        await SqliteShell.RunAsync(first.Database, string.Concat(bad.Select(b => $"INSERT INTO odd(id, t) VALUES('{b}', CAST(x'{b}' AS TEXT));")) + "INSERT INTO odd(id, t) VALUES('good', 'fine');");
        var report = (await first.RunAsync("sync", "--json")).Expect(3).Json();
        Assert.Equal((1, 7), (report.GetProperty("pushed").GetInt64(), report.GetProperty("deadLetters").GetInt64()));
        foreach (var letter in (await first.RunLocalAsync("dead-letters", "--json")).Expect(0).Json().GetProperty("deadLetters").EnumerateArray())
        {
            Assert.Equal("t", letter.GetProperty("field").GetString());
            Assert.Contains(letter.GetProperty("key").GetString() == "\"610062\"" ? "NUL" : "UTF-8", letter.GetProperty("reason").GetString()!, StringComparison.Ordinal);
        }

        Assert.Equal(bad, (await SqliteShell.TextAsync(first.Database, "SELECT group_concat(lower(hex(CAST(t AS BLOB)))) FROM odd WHERE id <> 'good'")).Split(','));
        await SqliteShell.RunAsync(first.Database, "UPDATE odd SET t = 'corrected' WHERE id <> 'good';");
        (await TidemarkCommand.RunAsync("dead-letters", "retry", first.Database, "all")).Expect(0);
        await Convergence.SyncUntilQuietAsync(first, second);
        await TableComparison.AssertEqualAsync(first.Database, second.Database);
        Assert.Equal(8, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM odd"));
    }

    [Fact]
    [Trait("req", "STO-15")]
    [Trait("req", "PUSH-11")]
    [Trait("speed", "slow")]
    public async Task Ten_megabytes_of_text_travel_and_what_is_larger_than_the_limit_is_a_dead_letter_that_names_it()
    {
        var (world, first, second) = await World.OfAsync(Odd);
        await using var _ = world;
        await SqliteShell.RunAsync(first.Database, "INSERT INTO odd(id, t) VALUES('ten', replace(hex(zeroblob(5 * 1024 * 1024)), '0', 'x')), ('thirteen', replace(hex(zeroblob(13 * 512 * 1024)), '0', 'y')), ('small', 's');");
        var report = (await first.RunAsync("sync", "--json")).Expect(3).Json();
        Assert.Equal((2, 1), (report.GetProperty("pushed").GetInt64(), report.GetProperty("deadLetters").GetInt64()));
        var letter = (await first.RunLocalAsync("dead-letters")).Expect(0);
        Assert.Contains("at most 12582912", letter.Output + letter.Errors, StringComparison.Ordinal);
        await second.SyncAsync();
        Assert.Equal("10485760|small|ten", await SqliteShell.TextAsync(second.Database, "SELECT max(length(t)), min(id), max(id) FROM odd"));
        Assert.Equal(13 * 1024 * 1024, await SqliteShell.CountAsync(first.Database, "SELECT length(t) FROM odd WHERE id = 'thirteen'"));
    }

    [Fact]
    [Trait("req", "STO-15")]
    [Trait("req", "STO-14")]
    [Trait("speed", "slow")]
    public async Task Five_hundred_columns_are_synced_like_any_and_edits_of_one_travel_alone()
    {
        var columns = string.Join(", ", Enumerable.Range(1, 499).Select(i => $"\"c {i}\" TEXT"));
        var (world, first, second) = await World.OfAsync($"CREATE TABLE wide(id INTEGER PRIMARY KEY, {columns}); INSERT INTO wide(id, \"c 1\", \"c 499\") VALUES(1, 'a', 'z'), (2, 'b', 'y');");
        await using var _ = world;
        await SqliteShell.RunAsync(first.Database, "UPDATE wide SET \"c 250\" = 'middle' WHERE id = 1;");
        await SqliteShell.RunAsync(second.Database, "UPDATE wide SET \"c 251\" = 'beside' WHERE id = 1; DELETE FROM wide WHERE id = 2;");
        await Convergence.SyncUntilQuietAsync(first, second);
        await TableComparison.AssertEqualAsync(first.Database, second.Database);
        Assert.Equal("a|middle|beside|z", await SqliteShell.TextAsync(first.Database, "SELECT \"c 1\", \"c 250\", \"c 251\", \"c 499\" FROM wide"));
    }

    [Fact]
    [Trait("req", "STO-14")]
    [Trait("speed", "slow")]
    public async Task Names_that_need_quoting_are_names_like_any()
    {
        const string table = "\"the \"\"order\"\" [of] 'things' %;--\"";
        var (world, first, second) = await World.OfAsync($"CREATE TABLE {table}(\"primary key\" TEXT PRIMARY KEY NOT NULL, \"a \"\"b\"\" 'c'\" TEXT, \"select\" INTEGER, \"Größe ✓\" REAL); INSERT INTO {table} VALUES('k', 'v', 1, 2.5);");
        await using var _ = world;
        await SqliteShell.RunAsync(second.Database, $"UPDATE {table} SET \"a \"\"b\"\" 'c'\" = 'edited', \"Größe ✓\" = 3.5; INSERT INTO {table} VALUES('l', NULL, 2, NULL);");
        await Convergence.SyncUntilQuietAsync(second, first);
        await TableComparison.AssertEqualAsync(first.Database, second.Database);
        Assert.Equal("edited|3.5", await SqliteShell.TextAsync(first.Database, $"SELECT \"a \"\"b\"\" 'c'\", \"Größe ✓\" FROM {table} WHERE \"select\" = 1"));
    }
}
