using Tidemark.Benchmarks.Bare;
using Tidemark.Benchmarks.Rows;
using Tidemark.Benchmarks.Running;

namespace Tidemark.Benchmarks.LocalWrites;

/// <summary>One INSERT in its own transaction, p50, alternating between a bare file and a captured one.</summary>
internal sealed class SingleInsert(string synchronous, int operations, Target target) : Benchmark
{
    public override string Name => "insert-" + synchronous.ToLowerInvariant();

    public override string Summary => $"one INSERT in its own transaction, durability {synchronous}, p50";

    public override Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var rows = BenchRow.Range(0, effort.Scale(operations) * 2).ToArray();
        var captured = scratch.File("captured.db");
        CapturedFile.Create(captured, 0);
        var plain = scratch.File("bare.db");
        BenchTable.Create(plain, 0);
        using var ours = new BareDatabase(captured, synchronous);
        using var bare = new BareDatabase(plain, synchronous);
        using var insertOurs = ours.Prepare(BenchTable.InsertSql);
        using var insertBare = bare.Prepare(BenchTable.InsertSql);
        var bareMs = new List<double>();
        var oursMs = new List<double>();
        for (var i = 0; i < rows.Length; i++)
        {
            var row = rows[i];
            var isBareFirst = i % 2 == 0;
            var first = SideBySide.Time(() => Insert(isBareFirst ? insertBare : insertOurs, row));
            var second = SideBySide.Time(() => Insert(isBareFirst ? insertOurs : insertBare, row));
            var (a, b) = isBareFirst ? (first, second) : (second, first);
            if (i >= rows.Length / 2)
            {
                bareMs.Add(a);
                oursMs.Add(b);
            }
        }

        CapturedFile.CheckTouches(ours, rows.Length);
        return Task.FromResult<IReadOnlyList<Figure>>([Figure.OfTimes($"INSERT alone, {synchronous}, p50", SideBySide.Median(bareMs), SideBySide.Median(oursMs), target)]);
    }

    private static void Insert(BareStatement statement, BenchRow row)
    {
        BenchTable.Bind(statement, row);
        statement.Run();
    }
}
