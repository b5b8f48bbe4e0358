using Tidemark.Benchmarks.Bare;
using Tidemark.Benchmarks.Rows;
using Tidemark.Benchmarks.Running;

namespace Tidemark.Benchmarks.LocalWrites;

/// <summary>100,000 INSERTs in one transaction, into an empty table.</summary>
internal sealed class BulkInsert : Benchmark
{
    public override string Name => "insert-bulk";

    public override string Summary => "100,000 INSERTs in one transaction";

    public override async Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var rows = BenchRow.Range(0, effort.Scale(100_000)).ToArray();
        var captured = scratch.File("captured.db");
        CapturedFile.Create(captured, 0);
        var plain = scratch.File("bare.db");
        BenchTable.Create(plain, 0);
        var pair = await SideBySide.RunAsync(effort.Rounds, () => InsertAsync(scratch, plain, rows), () => InsertAsync(scratch, captured, rows), cancel);
        return [Figure.OfTimes($"{rows.Length:#,0} INSERTs in one transaction", pair.Bare, pair.Tidemark, Target.Ceiling(2))];
    }

    private static Task<double> InsertAsync(Scratch scratch, string template, BenchRow[] rows)
    {
        var path = scratch.CopyOf(template);
        double time;
        using (var database = new BareDatabase(path))
        {
            time = SideBySide.Time(() => BenchTable.Insert(database, rows));
            CapturedFile.CheckTouches(database, rows.Length);
        }

        Scratch.Delete(path);
        return Task.FromResult(time);
    }
}
