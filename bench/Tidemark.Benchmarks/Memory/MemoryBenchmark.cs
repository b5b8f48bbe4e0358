using System.Globalization;
using Tidemark.Benchmarks.Running;

namespace Tidemark.Benchmarks.Memory;

/// <summary>Peak resident memory above idle of client and server, each a process of its own, during a first pull of two sizes.</summary>
internal sealed class MemoryBenchmark : Benchmark
{
    private const double AboveIdleMbMax = 150;
    private const double GrowthMax = 1.25;

    public override string Name => "memory";

    public override string Summary => "memory of client and server during the first pull of 100,000 and 400,000 rows";

    public override async Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var (smallRows, largeRows) = (effort.Scale(100_000), effort.Scale(400_000));
        var small = await MeasureAsync(scratch, smallRows, cancel);
        var large = await MeasureAsync(scratch, largeRows, cancel);
        return
        [
            AboveIdle("client", smallRows, small.Client),
            AboveIdle("client", largeRows, large.Client),
            Growth("client", small.Client, large.Client),
            AboveIdle("server", smallRows, small.Server),
            AboveIdle("server", largeRows, large.Server),
            Growth("server", small.Server, large.Server),
        ];
    }

    private static async Task<(Usage Client, Usage Server)> MeasureAsync(Scratch scratch, int rows, CancellationToken cancel)
    {
        var folder = scratch.Folder("server");
        await using (var filled = ChildProcess.Start("serve", folder))
        {
            var link = (await filled.ReadLineAsync(cancel)).Split(' ');
            await using var fill = ChildProcess.Start("fill", scratch.File("fill.db"), link[0], link[1], rows.ToString(CultureInfo.InvariantCulture));
            await fill.WaitAsync(cancel);
        }

        // A server that has only started is the idle one: what filling it took is not forgotten by its process.
        await using var server = ChildProcess.Start("serve", folder);
        var address = (await server.ReadLineAsync(cancel)).Split(' ');
        var idle = Usage.Parse(await server.AskAsync(cancel));
        await using var client = ChildProcess.Start("pull", scratch.File("pull.db"), address[0], address[1]);
        var pulled = Usage.Parse(await client.ReadLineAsync(cancel));
        var served = Usage.Parse(await server.AskAsync(cancel));
        await client.WaitAsync(cancel);
        return (pulled, served with { IdleMb = idle.IdleMb });
    }

    private static Figure AboveIdle(string who, int rows, Usage usage) =>
        new($"memory of the {who}, pull of {rows:#,0}, MB above idle", Mb(usage.IdleMb) + " idle", Mb(usage.PeakMb) + " peak", usage.AboveIdleMb, Target.Ceiling(AboveIdleMbMax));

    // A few megabytes more or less are the collector's mood; small figures are not divided by smaller ones.
    private static Figure Growth(string who, Usage small, Usage large) =>
        new($"memory of the {who}, four times the rows", Mb(small.AboveIdleMb), Mb(large.AboveIdleMb), Math.Max(large.AboveIdleMb, 50) / Math.Max(small.AboveIdleMb, 50), Target.Ceiling(GrowthMax));

    private static string Mb(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:0} MB");
}
