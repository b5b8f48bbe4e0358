using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Chinook;

/// <summary>The main job, end to end, with processes, files and a server as a user has them.</summary>
public sealed class ChinookTests
{
    [Fact]
    [Trait("req", "STO-14")]
    [Trait("req", "OPS-01")]
    public async Task Adopt_sync_and_clone_bring_every_row_to_the_second_file()
    {
        var (world, first, second) = await World.ChinookAsync();
        await using var _ = world;
        await TableComparison.AssertEqualAsync(first.Database, second.Database);
        await TableComparison.AssertHealthyAsync(second.Database);
        var verified = await second.VerifyAsync();
        Assert.True(verified.GetProperty("equal").GetBoolean(), verified.ToString());
        Assert.Equal(ChinookFile.Tables, verified.GetProperty("types").GetArrayLength());
        Assert.Equal(ChinookFile.Rows, verified.GetProperty("types").EnumerateArray().Sum(t => t.GetProperty("rows").GetInt64()));
    }

    [Fact]
    [Trait("req", "STO-14")]
    public async Task Adoption_leaves_the_apps_tables_as_they_were()
    {
        using var workspace = new Workspace();
        var adopted = ChinookFile.CopyTo(workspace.PathOf("adopted.db"));
        var untouched = ChinookFile.CopyTo(workspace.PathOf("untouched.db"));
        var report = (await TidemarkCommand.RunAsync("adopt", adopted, "--out", workspace.PathOf("model.json"), "--json")).Expect(0).Json();
        Assert.Equal(ChinookFile.Tables, report.GetProperty("tables").GetArrayLength());
        const string schema = @"SELECT sql FROM sqlite_master WHERE type IN ('table', 'index') AND name NOT LIKE '\_tm\_%' ESCAPE '\' AND tbl_name NOT LIKE '\_tm\_%' ESCAPE '\' ORDER BY name";
        Assert.Equal(await SqliteShell.LinesAsync(untouched, schema), await SqliteShell.LinesAsync(adopted, schema));
        await TableComparison.AssertEqualAsync(untouched, adopted);
        (await TidemarkCommand.RunAsync("model", "validate", workspace.PathOf("model.json"))).Expect(0);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [Trait("req", "PUSH-06")]
    [Trait("req", "PULL-06")]
    [Trait("req", "CON-07")]
    [Trait("speed", "slow")]
    public async Task Random_edits_on_both_sides_end_equal(int seed)
    {
        var (world, first, second) = await World.ChinookAsync();
        await using var _ = world;
        await new RandomEditor(seed, "a", 0, Manners.Polite).EditAsync(first.Database, 200);
        await new RandomEditor(seed + 100, "b", 1, Manners.Polite).EditAsync(second.Database, 200);
        var markers = (await MarkersAsync(first, "a")).Concat(await MarkersAsync(second, "b")).Order(StringComparer.Ordinal).ToList();

        await Convergence.SyncUntilQuietAsync(first, second);

        await AssertSettledAsync(first, second);
        Assert.Equal(markers, (await MarkersAsync(first, "a")).Concat(await MarkersAsync(first, "b")).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [Trait("req", "SRV-13")]
    [Trait("req", "PUSH-07")]
    [Trait("req", "PUSH-08")]
    [Trait("speed", "slow")]
    public async Task After_rude_edits_and_discarded_dead_letters_all_is_equal(int seed)
    {
        var (world, first, second) = await World.ChinookAsync();
        await using var _ = world;
        for (var round = 0; round < 3; round++)
        {
            await new RandomEditor((seed * 10) + round, $"a{round}", 0, Manners.Rude).EditAsync(first.Database, 80);
            await new RandomEditor((seed * 10) + round + 500, $"b{round}", 1, Manners.Rude).EditAsync(second.Database, 80);
            await Convergence.SyncUntilQuietAsync(first, second);
        }

        for (var attempt = 0; attempt < 5 && await DiscardAllAsync(first) + await DiscardAllAsync(second) > 0; attempt++)
        {
            await Convergence.SyncUntilQuietAsync(first, second);
        }

        await AssertSettledAsync(first, second);
    }

    [Fact]
    [Trait("req", "STO-14")]
    [Trait("speed", "slow")]
    public async Task Two_devices_that_adopt_copies_of_one_filled_file_end_with_one_set_of_rows()
    {
        await using var world = await World.StartAsync();
        var (first, second) = (world.DeviceOf("a.db"), world.DeviceOf("b.db"));
        foreach (var device in new[] { first, second })
        {
            ChinookFile.CopyTo(device.Database);
            (await device.RunLocalAsync("adopt")).Expect(0);
        }

        await Convergence.SyncUntilQuietAsync(first, second);

        await AssertSettledAsync(first, second);
        Assert.Equal(3503, await SqliteShell.CountAsync(first.Database, "SELECT count(*) FROM Track"));
        Assert.Equal(8715, await SqliteShell.CountAsync(first.Database, "SELECT count(*) FROM PlaylistTrack"));
    }

    internal static async Task AssertSettledAsync(Device first, Device second)
    {
        await TableComparison.AssertEqualAsync(first.Database, second.Database);
        foreach (var device in new[] { first, second })
        {
            await TableComparison.AssertHealthyAsync(device.Database);
            var verified = await device.VerifyAsync();
            Assert.True(verified.GetProperty("equal").GetBoolean(), verified.ToString());
            var doctor = await device.DoctorAsync();
            Assert.True(doctor.GetProperty("ledger").GetProperty("balanced").GetBoolean(), doctor.ToString());
            Assert.Equal(0, doctor.GetProperty("ledger").GetProperty("waiting").GetInt64());
        }
    }

    internal static Task<IReadOnlyList<string>> MarkersAsync(Device device, string name) =>
        SqliteShell.LinesAsync(device.Database, RandomEditor.MarkersQuery(name));

    private static async Task<int> DiscardAllAsync(Device device)
    {
        var letters = (await TidemarkCommand.RunAsync("dead-letters", "list", device.Database, "--json")).Json().GetProperty("deadLetters");
        foreach (var letter in letters.EnumerateArray())
        {
            var result = await TidemarkCommand.RunAsync("dead-letters", "discard", device.Database, letter.GetProperty("id").GetString()!);
            Assert.True(result.ExitCode is 0 or 3, result.ToString());
        }

        return letters.GetArrayLength();
    }
}
