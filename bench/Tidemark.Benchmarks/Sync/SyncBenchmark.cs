using Tidemark.Benchmarks.Floor;
using Tidemark.Benchmarks.Running;

namespace Tidemark.Benchmarks.Sync;

/// <summary>Whole runs against the floor, in turns, on the same rows and page sizes.</summary>
internal abstract class SyncBenchmark : Benchmark
{
    protected abstract int Rows { get; }

    public override async Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var rows = effort.Scale(Rows);
        await using var floor = await FloorSide.StartAsync(scratch, rows);
        await using var tidemark = await TidemarkSide.StartAsync(scratch, rows, cancel);
        return await RunAsync(floor, tidemark, effort, cancel);
    }

    protected abstract Task<IReadOnlyList<Figure>> RunAsync(FloorSide floor, TidemarkSide tidemark, Effort effort, CancellationToken cancel);
}

internal sealed class PullBenchmark : SyncBenchmark
{
    public override string Name => "sync-pull";

    public override string Summary => "first pull of 100,000 rows into an empty store";

    protected override int Rows => 100_000;

    protected override async Task<IReadOnlyList<Figure>> RunAsync(FloorSide floor, TidemarkSide tidemark, Effort effort, CancellationToken cancel)
    {
        var rows = effort.Scale(Rows);
        var pull = await SideBySide.RunAsync(effort.Rounds, () => floor.PullAllAsync(cancel), () => tidemark.PullAllAsync(cancel), cancel);
        return [Figure.OfRates($"first pull of {rows:#,0} rows", "rows", rows * 1000 / pull.Bare, rows * 1000 / pull.Tidemark, Target.Least(0.4))];
    }
}

internal sealed class PushBenchmark : SyncBenchmark
{
    private const int Pushed = 10_000;

    public override string Name => "sync-push";

    public override string Summary => "push of 10,000 new rows";

    protected override int Rows => 1000;

    protected override async Task<IReadOnlyList<Figure>> RunAsync(FloorSide floor, TidemarkSide tidemark, Effort effort, CancellationToken cancel)
    {
        var rows = effort.Scale(Pushed);
        var push = await SideBySide.RunAsync(effort.Rounds, () => floor.PushAsync(rows, cancel), () => tidemark.PushAsync(rows, cancel), cancel);
        return [Figure.OfRates($"push of {rows:#,0} rows", "rows", rows * 1000 / push.Bare, rows * 1000 / push.Tidemark, Target.Least(0.4))];
    }
}
