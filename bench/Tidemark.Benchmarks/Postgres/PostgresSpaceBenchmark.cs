using Tidemark.Benchmarks.Rows;
using Tidemark.Benchmarks.Running;

namespace Tidemark.Benchmarks.Postgres;

/// <summary>
/// A push of 100 rows, half of them new and half changed all over the space, into spaces of three sizes, each in tables of its own. The sizes take turns; the ratio is to the smallest.
/// </summary>
internal sealed class PostgresSpaceBenchmark : PostgresBenchmark
{
    private const int HalfAPush = 50;
    private const int RowsAVersion = 1000;
    private const double GrowthMax = 1.25;

    public override string Name => "postgres-space";

    public override string Summary => "a push of 100 rows into spaces of 10,000 and 100,000 rows (--large: and 1,000,000) in PostgreSQL";

    protected override async Task<IReadOnlyList<Figure>> MeasureAsync(PostgresBackend backend, Scratch scratch, Effort effort, CancellationToken cancel)
    {
        int[] full = effort.Large ? [10_000, 100_000, 1_000_000] : [10_000, 100_000];
        var rounds = effort.Quick ? 10 : 60;
        var spaces = new List<Sized>();
        foreach (var size in full.Select(effort.Scale))
        {
            var space = await backend.NewSpaceAsync("space" + size, cancel);
            spaces.Add(new Sized(space, size, rounds + 1, await space.FillAsync(size, cancel)));
            await backend.ExecuteAsync($"VACUUM (ANALYZE) {space.Table}", cancel);
        }

        await backend.ExecuteAsync("CHECKPOINT", cancel);
        for (var round = 0; round <= rounds; round++)
        {
            for (var i = 0; i < spaces.Count; i++)
            {
                await spaces[(i + round) % spaces.Count].PushAsync(round, cancel);
            }
        }

        var medians = spaces.ConvertAll(s => SideBySide.Median(s.Times));
        return [.. spaces.Skip(1).Select((s, i) => Figure.OfTimes($"PostgreSQL: push of 100 rows into {s.Size:#,0} instead of {spaces[0].Size:#,0}", medians[0], medians[i + 1], Target.Ceiling(GrowthMax)))];
    }

    private sealed class Sized(PostgresSpace space, int size, int pushes, IReadOnlyList<long> versions)
    {
        public int Size => size;

        public List<double> Times { get; } = [];

        // The first push is thrown away. No row is changed twice: each still has the version it was made with.
        public async Task PushAsync(int round, CancellationToken cancel)
        {
            var step = size / (pushes * HalfAPush);
            var made = BenchRow.Range(size + (round * HalfAPush), HalfAPush).Select(WireTable.Create);
            var changed = Enumerable.Range(0, HalfAPush).Select(i => ((i * pushes) + round) * step).Select(n => WireTable.Update(BenchRow.Of(n).Edited(), versions[n / RowsAVersion]));
            var body = space.BodyOf(made.Concat(changed));
            var time = await SideBySide.TimeAsync(() => space.PushAsync(body, 2 * HalfAPush, cancel));
            if (round > 0)
            {
                Times.Add(time);
            }
        }
    }
}
