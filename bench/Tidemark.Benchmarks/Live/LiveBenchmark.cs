using System.Diagnostics;
using Tidemark.Benchmarks.Running;
using Tidemark.Benchmarks.Sync;
using Tidemark.Client.Queries;
using Tidemark.Sqlite;

namespace Tidemark.Benchmarks.Live;

/// <summary>How long it takes from before a write on one device until a live query on another one shows it, over a real server on loopback.</summary>
internal sealed class LiveBenchmark : Benchmark
{
    private const double MedianMsMax = 25;
    private const double HighMsMax = 150;
    private const string Insert = "INSERT INTO journal_entries(id, user_id, kind, title, created_at, updated_at, revision) VALUES('live', 'u', 'k', '', '2026-01-01', '2026-01-01', 1)";
    private const string Read = "SELECT title FROM journal_entries WHERE id = 'live'";

    public override string Name => "live";

    public override string Summary => "an edit here until a live query shows it there: median and 99th percentile";

    public override async Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        await using var backend = await TidemarkBackend.StartAsync(scratch.Folder("server"));
        await using var here = new LiveDevice(scratch.File("here.db"), backend.Address, backend.Token);
        await here.Store.WriteAsync(c => c.Run(Insert, []), cancel);
        await here.StartAsync();
        await using var there = new LiveDevice(scratch.File("there.db"), backend.Address, backend.Token);
        await there.StartAsync();
        await using var shown = there.Store.WatchAsync(c => c.Scalar(Read).ToString(), cancellationToken: cancel).GetAsyncEnumerator(cancel);
        await shown.MoveNextAsync();
        var times = new List<double>();
        var warmUp = effort.Scale(100);
        for (var i = 0; i < warmUp + effort.Scale(500); i++)
        {
            var title = $"title {i}";
            var start = Stopwatch.GetTimestamp();
            await here.Store.WriteAsync(c => c.Run($"UPDATE journal_entries SET title = '{title}' WHERE id = 'live'", []), cancel);
            do
            {
                await shown.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30), cancel);
            }
            while (shown.Current != title);

            if (i >= warmUp)
            {
                times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        }

        times.Sort();
        var (median, high) = (times[times.Count / 2], times[(int)(times.Count * 0.99)]);
        return
        [
            new Figure("edit here to live query there, median", "-", Figure.Milliseconds(median), median, Target.Ceiling(MedianMsMax)),
            new Figure("edit here to live query there, p99", "-", Figure.Milliseconds(high), high, Target.Ceiling(HighMsMax)),
        ];
    }
}
