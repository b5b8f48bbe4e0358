using Microsoft.Data.Sqlite;
using Tidemark.Benchmarks.Bare;
using Tidemark.Benchmarks.Rows;
using Tidemark.Benchmarks.Running;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Benchmarks.LocalWrites;

/// <summary>Sixteen writers, each one row a transaction and durable before the next: through the write queue, captured, against sixteen bare connections that contend.</summary>
internal sealed class ManyWriters : Benchmark
{
    private const int Writers = 16;

    public override string Name => "writers";

    public override string Summary => "16 writers through the write queue against 16 contending connections, durability FULL";

    public override async Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var perWriter = effort.Scale(100);
        var plain = scratch.File("bare.db");
        BenchTable.Create(plain, 0);
        var captured = scratch.File("captured.db");
        CapturedFile.Create(captured, 0);
        var pair = await SideBySide.RunAsync(effort.Rounds, () => ContendAsync(scratch.CopyOf(plain), perWriter), () => QueueAsync(scratch.CopyOf(captured), perWriter, cancel), cancel);
        var rows = Writers * perWriter * 1000.0;
        return [Figure.OfRates($"{Writers} writers, FULL", "commits", rows / pair.Bare, rows / pair.Tidemark, Target.Least(4))];
    }

    private static async Task<double> ContendAsync(string path, int perWriter)
    {
        var databases = Enumerable.Range(0, Writers).Select(_ => new BareDatabase(path)).ToArray();
        var time = await SideBySide.TimeAsync(() => Task.WhenAll(databases.Select((database, writer) =>
            Task.Factory.StartNew(() => Write(database, writer * perWriter, perWriter), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))));
        Array.ForEach(databases, d => d.Dispose());
        return time;
    }

    private static void Write(BareDatabase database, int first, int count)
    {
        using var insert = database.Prepare(BenchTable.InsertSql);
        foreach (var row in BenchRow.Range(first, count))
        {
            database.Execute("BEGIN IMMEDIATE");
            BenchTable.Bind(insert, row);
            insert.Run();
            database.Execute("COMMIT");
        }
    }

    private static async Task<double> QueueAsync(string path, int perWriter, CancellationToken cancel)
    {
        await using var store = LocalStore.Open(path, new StoreOptions(), SyncEnvironment.System);
        return await SideBySide.TimeAsync(() => Task.WhenAll(Enumerable.Range(0, Writers).Select(async writer =>
        {
            foreach (var row in BenchRow.Range(writer * perWriter, perWriter))
            {
                await store.WriteAsync(connection => Insert(connection, row), cancel);
            }
        })));
    }

    private static int Insert(SqliteConnection connection, BenchRow row)
    {
        using var insert = new RawStatement(connection, BenchTable.InsertSql);
        ReadOnlySpan<byte[]> texts = [row.Id, row.UserId, row.Kind, row.Title, row.Body, row.CreatedAt, row.UpdatedAt];
        for (var i = 0; i < texts.Length; i++)
        {
            insert.BindUtf8(i + 1, texts[i]);
        }

        insert.Bind(8, row.Mood);
        insert.Bind(9, row.Score);
        insert.Bind(10, row.Revision);
        return insert.Execute();
    }
}
