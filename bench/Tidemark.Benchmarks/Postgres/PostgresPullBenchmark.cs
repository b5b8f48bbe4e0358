using System.Text.Json;
using Tidemark.Benchmarks.Running;
using Tidemark.Model.Protocol;

namespace Tidemark.Benchmarks.Postgres;

/// <summary>All pages of a space, against one SELECT of the same rows of the same table whose rows are written as JSON by hand.</summary>
internal sealed class PostgresPullBenchmark : PostgresBenchmark
{
    private const int RowsAPage = 5000;

    public override string Name => "postgres-pull";

    public override string Summary => "pages of 5,000 rows from PostgreSQL against reading the rows and writing them as JSON by hand";

    protected override async Task<IReadOnlyList<Figure>> MeasureAsync(PostgresBackend backend, Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var rows = Math.Max(effort.Scale(50_000), RowsAPage);
        var space = await backend.NewSpaceAsync("pull", cancel);
        await space.FillAsync(rows, cancel);
        await backend.ExecuteAsync($"VACUUM (ANALYZE) {space.Table}", cancel);
        var pair = await SideBySide.RunAsync(
            effort.Rounds,
            () => SideBySide.TimeAsync(async () => Check(await PlainTable.WriteJsonAsync(backend.Plain, space.Table, cancel), rows)),
            () => SideBySide.TimeAsync(async () => Check(await PullAsync(space, cancel) * RowsAPage, rows)),
            cancel);
        return [Figure.OfRates($"PostgreSQL: pull of {rows:#,0} rows", "rows", rows / pair.Bare * 1000, rows / pair.Tidemark * 1000, Target.Least(0.7))];
    }

    // The number of pages; only what a page says of itself is read.
    private static async Task<int> PullAsync(PostgresSpace space, CancellationToken cancel)
    {
        string? cursor = null;
        for (var pages = 1; ; pages++)
        {
            using var page = await space.Server.WriteChangesAsync(space.Caller, new ChangesRequest { Cursor = cursor, Limit = RowsAPage, DeviceId = "bench" }, cancel);
            (cursor, var hasMore) = Tail(page.Utf8.Span);
            if (!hasMore)
            {
                return pages;
            }
        }
    }

    private static (string Cursor, bool HasMore) Tail(ReadOnlySpan<byte> page)
    {
        var reader = new Utf8JsonReader(page);
        string? cursor = null;
        bool? hasMore = null;
        while (cursor is null || hasMore is null)
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("nextCursor"))
            {
                reader.Read();
                cursor = reader.GetString();
            }
            else if (reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("hasMore"))
            {
                reader.Read();
                hasMore = reader.GetBoolean();
            }
        }

        return (cursor, hasMore.Value);
    }

    private static void Check(int found, int rows)
    {
        if (found != rows)
        {
            throw new InvalidOperationException($"{found} rows were read, not {rows}.");
        }
    }
}
