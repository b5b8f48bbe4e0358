using System.Globalization;
using Tidemark.Benchmarks.Rows;
using Tidemark.Benchmarks.Running;
using Tidemark.Model.Entities;

namespace Tidemark.Benchmarks.Sync;

/// <summary>The way for several remotes against itself: three remotes against one, and three encrypted fields of each row against none. All are Tidemark, so the ratios are what the others cost.</summary>
internal sealed class RemotesBenchmark : Benchmark
{
    private const int Full = 5_000;
    private const int Merged = 1_000;
    private static readonly Dictionary<string, FieldPolicy> NoPolicies = [];
    private static readonly Dictionary<string, FieldPolicy> Joins = new() { ["mood"] = FieldPolicy.Counter, ["title"] = FieldPolicy.MergeArrays, ["body"] = FieldPolicy.MergeObject };
    private static readonly string[] Secrets = ["journal_entries.title", "journal_entries.body", "journal_entries.score"];

    public override string Name => "remotes";

    public override string Summary => "5,000 rows to and from three remotes against one, with three encrypted fields against none, and 1,000 rows edited on both sides with a counter, a list and an object against last writers";

    public override async Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var rows = effort.Scale(Full);
        var (one, three, secret) = (new Times(), new Times(), new Times());
        for (var round = -1; round < effort.Rounds; round++)
        {
            foreach (var (times, remotes, encrypted) in new (Times, int, string[])[] { (one, 1, []), (three, 3, []), (secret, 1, Secrets) })
            {
                var (push, pull) = await MeasureAsync(scratch, rows, remotes, encrypted, cancel);
                if (round >= 0)
                {
                    times.Push.Add(push);
                    times.Pull.Add(pull);
                }
            }
        }

        var (last, joined) = (new List<double>(), new List<double>());
        for (var round = -1; round < effort.Rounds; round++)
        {
            foreach (var (times, policies) in new[] { (last, NoPolicies), (joined, Joins) })
            {
                var time = await MergeAsync(scratch, effort.Scale(Merged), policies, cancel);
                if (round >= 0)
                {
                    times.Add(time);
                }
            }
        }

        var count = rows.ToString("N0", CultureInfo.InvariantCulture);
        return
        [
            Of($"push of {count} rows to three remotes", one.Push, three.Push, 3.3),
            Of($"pull of {count} rows from three remotes", one.Pull, three.Pull, 3.3),
            Of($"push of {count} rows with three encrypted fields", one.Push, secret.Push, 2),
            Of($"pull of {count} rows with three encrypted fields", one.Pull, secret.Pull, 2),
            Of($"merge of {effort.Scale(Merged).ToString("N0", CultureInfo.InvariantCulture)} rows edited on both sides, a counter, a list and an object against last writers", last, joined, null),
        ];
    }

    private static Figure Of(string name, List<double> bare, List<double> other, double? atMost) => Figure.OfTimes(name, SideBySide.Median(bare), SideBySide.Median(other), atMost is { } ratio ? Target.Ceiling(ratio) : Target.None);

    // A first device gives its rows to empty servers; a second one takes them from all.
    private static async Task<(double Push, double Pull)> MeasureAsync(Scratch scratch, int rows, int remotes, string[] encrypted, CancellationToken cancel)
    {
        var backends = new List<TidemarkBackend>();
        try
        {
            for (var i = 0; i < remotes; i++)
            {
                backends.Add(await TidemarkBackend.StartAsync(scratch.Folder("server")));
            }

            await using var writer = await RemotesDevice.MakeAsync(scratch.File("writer.db"), backends, encrypted, null, cancel);
            BenchTable.Insert(writer.App, BenchRow.Range(0, rows));
            var push = await SideBySide.TimeAsync(() => writer.SyncAsync(cancel));
            await using var reader = await RemotesDevice.MakeAsync(scratch.File("reader.db"), backends, encrypted, writer.Keys, cancel);
            var pull = await SideBySide.TimeAsync(() => reader.SyncAsync(cancel));
            return reader.Rows == rows ? (push, pull) : throw new InvalidOperationException($"{reader.Rows} rows of {rows} arrived.");
        }
        finally
        {
            foreach (var backend in backends)
            {
                await backend.DisposeAsync();
            }
        }
    }

    // Both sides edit three fields of every row; the second one's cycle merges them all and gives back what came of it.
    private static async Task<double> MergeAsync(Scratch scratch, int rows, IReadOnlyDictionary<string, FieldPolicy> policies, CancellationToken cancel)
    {
        await using var backend = await TidemarkBackend.StartAsync(scratch.Folder("server"));
        await using var first = await RemotesDevice.MakeAsync(scratch.File("first.db"), [backend], [], null, cancel, policies);
        await using var second = await RemotesDevice.MakeAsync(scratch.File("second.db"), [backend], [], first.Keys, cancel, policies);
        BenchTable.Insert(first.App, BenchRow.Range(0, rows));
        first.App.Execute("UPDATE journal_entries SET title = '[\"a\",\"b\"]', body = '{\"a\":1}'");
        await first.SyncAsync(cancel);
        await second.SyncAsync(cancel);
        first.App.Execute("UPDATE journal_entries SET mood = mood + 1, title = json_insert(title, '$[#]', 'c'), body = json_set(body, '$.c', 1)");
        second.App.Execute("UPDATE journal_entries SET mood = mood + 2, title = json_insert(title, '$[#]', 'd'), body = json_set(body, '$.d', 1)");
        await first.SyncAsync(cancel);
        return await SideBySide.TimeAsync(() => second.SyncAsync(cancel));
    }

    private sealed class Times
    {
        public List<double> Push { get; } = [];

        public List<double> Pull { get; } = [];
    }
}
