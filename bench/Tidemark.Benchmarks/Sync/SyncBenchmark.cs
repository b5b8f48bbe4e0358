using System.Globalization;
using Tidemark.Benchmarks.Floor;
using Tidemark.Benchmarks.Running;

namespace Tidemark.Benchmarks.Sync;

/// <summary>Whole runs against the floor, in turns, on the same rows and page sizes.</summary>
internal sealed class SyncBenchmark : Benchmark
{
    private const int Changed = 100;

    public override string Name => "sync";

    public override string Summary => "first pull, 100 changed rows, nothing to do, push: against the hand-written floor";

    public override async Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var rows = effort.Scale(100_000);
        var pushed = effort.Scale(10_000);
        var small = effort.Scale(40);
        await using var floor = await FloorSide.StartAsync(scratch, rows);
        await using var tidemark = await TidemarkSide.StartAsync(scratch, rows, cancel);
        var pull = await SideBySide.RunAsync(effort.Rounds, () => floor.PullAllAsync(cancel), () => tidemark.PullAllAsync(cancel), cancel);
        var changed = await SideBySide.RunAsync(small, () => floor.PullChangedAsync(Changed, cancel), () => tidemark.PullChangedAsync(Changed, cancel), cancel);
        var edited = await SideBySide.RunAsync(small, () => floor.PushAsync(Changed, cancel), () => tidemark.PushChangedAsync(Changed, cancel), cancel);
        var idle = await IdleAsync(floor, tidemark, small, cancel);
        var push = await SideBySide.RunAsync(effort.Rounds, () => floor.PushAsync(pushed, cancel), () => tidemark.PushAsync(pushed, cancel), cancel);
        return
        [
            Figure.OfRates($"first pull of {rows:#,0} rows", "rows", rows * 1000 / pull.Bare, rows * 1000 / pull.Tidemark, Target.Least(0.4)),
            Figure.OfRates($"push of {pushed:#,0} rows", "rows", pushed * 1000 / push.Bare, pushed * 1000 / push.Tidemark, Target.Least(0.4)),
            Figure.OfTimes($"{Changed} rows changed elsewhere", changed.Bare, changed.Tidemark, Target.Ceiling(4)),
            Figure.OfTimes($"{Changed} rows changed here", edited.Bare, edited.Tidemark, Target.Ceiling(4)),
            .. idle,
        ];
    }

    private static async Task<IReadOnlyList<Figure>> IdleAsync(FloorSide floor, TidemarkSide tidemark, int rounds, CancellationToken cancel)
    {
        var requests = 0;
        var writes = 0;
        var time = await SideBySide.RunAsync(
            rounds,
            () => floor.PullNothingAsync(cancel),
            async () =>
            {
                var run = await tidemark.RunIdleAsync(cancel);
                requests = Math.Max(requests, run.Requests);
                writes += run.Writes;
                return run.Ms;
            },
            cancel);
        return
        [
            Figure.OfTimes("nothing to do", time.Bare, time.Tidemark, Target.None),
            new Figure("nothing to do: requests", "1", requests.ToString(CultureInfo.InvariantCulture), requests, Target.Ceiling(1)),
            new Figure("nothing to do: writes to the file", "0", writes.ToString(CultureInfo.InvariantCulture), writes, Target.Ceiling(0)),
        ];
    }
}
