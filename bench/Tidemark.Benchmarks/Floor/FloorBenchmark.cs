using Tidemark.Benchmarks.Rows;
using Tidemark.Benchmarks.Running;

namespace Tidemark.Benchmarks.Floor;

/// <summary>The floor against the floor of the machine the targets were made on: how far its figures and these can be compared.</summary>
internal sealed class FloorBenchmark : Benchmark
{
    private const double ReferencePullMs = 100_000 / 97_000.0 * 1000;
    private const double ReferencePushMs = 320;
    private const double ReferenceChangedMs = 2.6;
    private const double ReferenceIdleMs = 0.9;

    public override string Name => "floor";

    public override string Summary => "the hand-written loop alone, against the figures named in the targets";

    public override async Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var rows = effort.Scale(100_000);
        await using var floor = await FloorSide.StartAsync(scratch, rows);
        List<double> pull = [], push = [], changed = [], idle = [];
        for (var round = -1; round < effort.Rounds; round++)
        {
            var first = round < 0;
            Add(pull, first, await floor.PullAllAsync(cancel));
            Add(push, first, await floor.PushAsync(effort.Scale(10_000), cancel));
            for (var i = 0; i < 20; i++)
            {
                Add(changed, first, await floor.PullChangedAsync(100, cancel));
                Add(idle, first, await floor.PullNothingAsync(cancel));
            }
        }

        return
        [
            Of($"floor: first pull of {rows:#,0} rows", ReferencePullMs, pull),
            Of($"floor: push of {effort.Scale(10_000):#,0} rows", ReferencePushMs, push),
            Of("floor: 100 changed rows", ReferenceChangedMs, changed),
            Of("floor: nothing to do", ReferenceIdleMs, idle),
        ];
    }

    private static void Add(List<double> values, bool first, double value)
    {
        if (!first)
        {
            values.Add(value);
        }
    }

    private static Figure Of(string name, double reference, List<double> values) =>
        Figure.OfTimes(name, reference, SideBySide.Median(values), Target.None) with { Tidemark = "(floor here) " + Figure.Milliseconds(SideBySide.Median(values)) };
}
