using System.Globalization;
using Tidemark.Benchmarks.Bare;
using Tidemark.Benchmarks.Running;
using Tidemark.Client.Adoption;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;

namespace Tidemark.Benchmarks.Sync;

/// <summary>
/// Rows that somebody else has put in the place of others. Where the new ones have the unique values of the old ones, each is made room for by itself, in a savepoint; where they have
/// their own, none is. And deletions that wait to be sent: each batch looks through what is noted behind it, so a long queue may cost more for each row than a short one.
/// </summary>
internal sealed class ReplacedBenchmark : Benchmark
{
    private const int Replaced = 5_000;
    private const int ShortQueue = 4_000;
    private const int LongQueue = 40_000;

    public override string Name => "replaced";

    public override string Summary => "a pull of rows with the unique values of others that go, against one of rows with their own; a long queue of deletions against a short one";

    public override async Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var rows = effort.Scale(Replaced);
        await using var own = await Pair.MakeAsync(scratch, "own", rows, cancel);
        await using var taken = await Pair.MakeAsync(scratch, "taken", rows, cancel);
        var pulls = await SideBySide.RunAsync(effort.Rounds, () => own.ReplaceAsync(takesValues: false, cancel), () => taken.ReplaceAsync(takesValues: true, cancel), cancel);

        var (few, many) = (effort.Scale(ShortQueue), effort.Scale(LongQueue));
        await using var queues = await Pair.MakeAsync(scratch, "queues", 0, cancel);
        var pushes = await SideBySide.RunAsync(Math.Min(effort.Rounds, 3), () => queues.DeleteAsync(few, cancel), () => queues.DeleteAsync(many, cancel), cancel);
        return
        [
            Figure.OfTimes($"pull of {Number(rows)} rows that take others' unique values", pulls.Bare, pulls.Tidemark, Target.None),
            Figure.OfRates($"push of {Number(many)} deletions, against {Number(few)}", "rows", few / pushes.Bare * 1000, many / pushes.Tidemark * 1000, Target.None),
        ];
    }

    private static string Number(int count) => count.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A server of their own, a device that writes and one that pulls.</summary>
    private sealed class Pair(TidemarkBackend backend, TidemarkDevice writer, TidemarkDevice reader, int rows) : IAsyncDisposable
    {
        private int _generation;

        public static async Task<Pair> MakeAsync(Scratch scratch, string name, int rows, CancellationToken cancel)
        {
            var backend = await TidemarkBackend.StartAsync(scratch.Folder(name));
            var pair = new Pair(backend, Device(scratch.File(name + "-writer.db"), backend), Device(scratch.File(name + "-reader.db"), backend), rows);
            pair.Insert(rows, "code");
            await pair.SyncAsync(cancel);
            return pair;
        }

        public async Task<double> ReplaceAsync(bool takesValues, CancellationToken cancel)
        {
            writer.App.Execute("BEGIN IMMEDIATE; DELETE FROM tag");
            Insert(rows, takesValues ? "code" : string.Create(CultureInfo.InvariantCulture, $"code{_generation}"));
            writer.App.Execute("COMMIT");
            await writer.SyncAsync(SyncMode.Full, cancel);
            var ms = await SideBySide.TimeAsync(() => reader.SyncAsync(SyncMode.PullOnly, cancel));
            var count = reader.App.Scalar("SELECT count(*) FROM tag");
            return count == rows && reader.App.Scalar("SELECT count(*) FROM _tm_aside") == 0 ? ms : throw new InvalidOperationException($"The reader has {count} of {rows} rows.");
        }

        public async Task<double> DeleteAsync(int count, CancellationToken cancel)
        {
            Insert(count, "queued");
            await writer.SyncAsync(SyncMode.Full, cancel);
            writer.App.Execute("DELETE FROM tag");
            return await SideBySide.TimeAsync(() => writer.SyncAsync(SyncMode.PushOnly, cancel));
        }

        public async ValueTask DisposeAsync()
        {
            await writer.DisposeAsync();
            await reader.DisposeAsync();
            await backend.DisposeAsync();
        }

        private static TidemarkDevice Device(string path, TidemarkBackend backend)
        {
            using (var database = new BareDatabase(path, "OFF"))
            {
                database.Execute("CREATE TABLE tag(id TEXT NOT NULL PRIMARY KEY, code TEXT NOT NULL UNIQUE, text TEXT)");
            }

            Adopter.Adopt(path, new AdoptionOptions(), SyncEnvironment.System);
            return new TidemarkDevice(path, backend.Address, backend.Token);
        }

        private void Insert(int count, string code) => writer.App.Execute(string.Create(
            CultureInfo.InvariantCulture,
            $"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) INSERT INTO tag SELECT 'g{++_generation}-' || i, '{code}-' || i, 'text of some length ' || i FROM n WHERE i <= {count}"));

        private async Task SyncAsync(CancellationToken cancel)
        {
            await writer.SyncAsync(SyncMode.Full, cancel);
            await reader.SyncAsync(SyncMode.Full, cancel);
        }
    }
}
