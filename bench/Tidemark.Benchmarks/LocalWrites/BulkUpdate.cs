using Tidemark.Benchmarks.Bare;
using Tidemark.Benchmarks.Rows;
using Tidemark.Benchmarks.Running;

namespace Tidemark.Benchmarks.LocalWrites;

/// <summary>UPDATEs of one column in ten, each row by its key, all in one transaction, of rows the remote has shown: every one keeps its base.</summary>
internal sealed class BulkUpdate : Benchmark
{
    public override string Name => "update-bulk";

    public override string Summary => "100,000 UPDATEs of one column in ten in one transaction, rows already synced";

    public override async Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var count = effort.Scale(100_000);
        var rows = BenchRow.Range(0, count).ToArray();
        var captured = scratch.File("captured.db");
        CapturedFile.Create(captured, count);
        CapturedFile.MarkSynced(captured);
        var plain = scratch.File("bare.db");
        BenchTable.Create(plain, count);
        var pair = await SideBySide.RunAsync(effort.Rounds, () => UpdateAsync(scratch, plain, rows), () => UpdateAsync(scratch, captured, rows), cancel);
        return [Figure.OfTimes($"{count:#,0} UPDATEs of 1 column in 10, one transaction", pair.Bare, pair.Tidemark, Target.Ceiling(5))];
    }

    private static Task<double> UpdateAsync(Scratch scratch, string template, BenchRow[] rows)
    {
        var path = scratch.CopyOf(template);
        double time;
        using (var database = new BareDatabase(path))
        {
            time = SideBySide.Time(() => Update(database, rows));
            CapturedFile.CheckTouches(database, rows.Length);
        }

        Scratch.Delete(path);
        return Task.FromResult(time);
    }

    private static void Update(BareDatabase database, BenchRow[] rows)
    {
        using var update = database.Prepare(BenchTable.UpdateSql);
        database.Execute("BEGIN IMMEDIATE");
        foreach (var row in rows)
        {
            update.Bind(1, row.Id);
            update.Bind(2, "another title of about the same forty one"u8);
            update.Run();
        }

        database.Execute("COMMIT");
    }
}
