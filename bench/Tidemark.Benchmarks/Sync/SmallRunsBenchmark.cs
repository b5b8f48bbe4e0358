using System.Globalization;
using Tidemark.Benchmarks.Floor;
using Tidemark.Benchmarks.Running;

namespace Tidemark.Benchmarks.Sync;

/// <summary>The runs of every day: a hundred rows changed on either side, and nothing at all.</summary>
internal sealed class SmallRunsBenchmark : SyncBenchmark
{
    private const int Changed = 100;

    public override string Name => "sync-small";

    public override string Summary => "100 changed rows in a store of 20,000, and a run with nothing to do";

    protected override int Rows => 20_000;

    protected override async Task<IReadOnlyList<Figure>> RunAsync(FloorSide floor, TidemarkSide tidemark, Effort effort, CancellationToken cancel)
    {
        var rounds = effort.Scale(40);
        var changed = await SideBySide.RunAsync(rounds, () => floor.PullChangedAsync(Changed, cancel), () => tidemark.PullChangedAsync(Changed, cancel), cancel);
        var edited = await SideBySide.RunAsync(rounds, () => floor.PushAsync(Changed, cancel), () => tidemark.PushChangedAsync(Changed, cancel), cancel);
        var idle = await IdleAsync(floor, tidemark, rounds, cancel);
        return
        [
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
