using Tidemark.Benchmarks.Rows;
using Tidemark.Benchmarks.Running;

namespace Tidemark.Benchmarks.Postgres;

/// <summary>Pushes of 1,000 rows, from the body of the request to the verdicts, against an INSERT from arrays of the same rows, which are there before the clock starts.</summary>
internal sealed class PostgresPushBenchmark : PostgresBenchmark
{
    private const int RowsAPush = 1000;

    public override string Name => "postgres-push";

    public override string Summary => "pushes of 1,000 rows into PostgreSQL against Npgsql's INSERT from arrays of the same rows";

    protected override async Task<IReadOnlyList<Figure>> MeasureAsync(PostgresBackend backend, Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var rows = Math.Max(effort.Scale(20_000), RowsAPush);
        var space = await backend.NewSpaceAsync("push", cancel);
        await backend.ExecuteAsync(PlainTable.Ddl, cancel);
        var (plainNext, pushNext) = (0, 0);
        var pair = await SideBySide.RunAsync(
            effort.Rounds,
            async () =>
            {
                var parts = BenchRow.Range(plainNext, rows).Chunk(RowsAPush).Select(PlainTable.ArraysOf).ToList();
                plainNext += rows;
                return await SideBySide.TimeAsync(async () =>
                {
                    foreach (var part in parts)
                    {
                        await PlainTable.InsertAsync(backend.Plain, part, cancel);
                    }
                });
            },
            async () =>
            {
                var bodies = BenchRow.Range(pushNext, rows).Chunk(RowsAPush).Select(part => space.BodyOf(part.Select(WireTable.Create))).ToList();
                pushNext += rows;
                return await SideBySide.TimeAsync(async () =>
                {
                    foreach (var body in bodies)
                    {
                        await space.PushAsync(body, RowsAPush, cancel);
                    }
                });
            },
            cancel);
        return [Figure.OfRates($"PostgreSQL: push of {rows:#,0} rows", "rows", rows / pair.Bare * 1000, rows / pair.Tidemark * 1000, Target.Least(0.5))];
    }
}
