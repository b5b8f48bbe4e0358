using System.Diagnostics;
using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Chinook;

/// <summary>kill -9 at any moment: nothing lost, nothing doubled.</summary>
public sealed class KilledSyncTests
{
    [Fact]
    [Trait("req", "STO-07")]
    [Trait("req", "PUSH-04")]
    [Trait("req", "PULL-07")]
    [Trait("speed", "slow")]
    public Task Fifty_killed_runs_lose_and_double_nothing() => KillAsync(seed: 50, kills: 50);

    private static async Task KillAsync(int seed, int kills)
    {
        var random = new Random(seed);
        var (world, first, second) = await World.ChinookAsync();
        await using var _ = world;
        var sides = new[] { new Side(first, new RandomEditor(seed, "a", 0, Manners.Polite)), new Side(second, new RandomEditor(seed + 1, "b", 1, Manners.Polite)) };
        var whole = await FullRunAsync(first);
        for (var kill = 0; kill < kills; kill++)
        {
            foreach (var side in sides)
            {
                await side.EditAsync(10);
            }

            await using (var process = sides[kill % 2].Device.Start("sync", "--json"))
            {
                await process.KillAfterAsync(random.NextDouble() * 1.3 * whole, TestContext.Current.CancellationToken);
            }

            if (kill % 5 == 4)
            {
                await Convergence.SyncUntilQuietAsync(first, second);
            }
        }

        await Convergence.SyncUntilQuietAsync(first, second);
        await ChinookTests.AssertSettledAsync(first, second);
        var present = await SideMarkersAsync(first);
        Assert.Equal(present.Count, present.Distinct(StringComparer.Ordinal).Count());
        Assert.Empty(sides.SelectMany(s => s.Created).Except(sides.SelectMany(s => s.Gone), StringComparer.Ordinal).Except(present, StringComparer.Ordinal));
        Assert.Empty(present.Except(sides.SelectMany(s => s.Created), StringComparer.Ordinal));
    }

    private static async Task<TimeSpan> FullRunAsync(Device device)
    {
        await SqliteShell.RunAsync(device.Database, "UPDATE Artist SET Name = Name || ' ' WHERE ArtistId < 20;");
        var start = Stopwatch.GetTimestamp();
        await device.SyncAsync();
        return Stopwatch.GetElapsedTime(start);
    }

    private static async Task<IReadOnlyList<string>> SideMarkersAsync(Device device) =>
        [.. await ChinookTests.MarkersAsync(device, "a"), .. await ChinookTests.MarkersAsync(device, "b")];

    /// <summary>One device with its editor and the account of the markers it made and took away.</summary>
    private sealed class Side(Device device, RandomEditor editor)
    {
        public Device Device => device;

        public HashSet<string> Created { get; } = new(StringComparer.Ordinal);

        /// <summary>Deleted or overwritten by an edit of this side; an update of the other side may bring it back.</summary>
        public HashSet<string> Gone { get; } = new(StringComparer.Ordinal);

        public async Task EditAsync(int edits)
        {
            var before = await SideMarkersAsync(device);
            await editor.EditAsync(device.Database, edits);
            var after = await SideMarkersAsync(device);
            Created.UnionWith(after.Except(before, StringComparer.Ordinal));
            Gone.UnionWith(before.Except(after, StringComparer.Ordinal));
        }
    }
}
