using System.Diagnostics;
using System.Globalization;
using Tidemark.Benchmarks.Memory;
using Tidemark.Benchmarks.Rows;
using Tidemark.Benchmarks.Running;
using Tidemark.Client.Coordination;

namespace Tidemark.Benchmarks.Sync;

/// <summary>
/// One pull of rows that somebody else changed: onto clean rows, and onto rows that all have a pending edit of the same field. Both sides are
/// Tidemark, so the ratio is what merging and recording cost.
/// </summary>
internal sealed class ConflictsBenchmark : Benchmark
{
    private const int Full = 100_000;

    public override string Name => "conflicts";

    public override string Summary => "a pull of 100,000 rows that all conflict with pending edits, against the same pull without";

    public override async Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        var rows = effort.Scale(Full);
        await using var backend = await TidemarkBackend.StartAsync(scratch.Folder("server"));
        await using var writer = new TidemarkDevice(scratch.File("writer.db"), backend.Address, backend.Token);
        BenchTable.Insert(writer.App, BenchRow.Range(0, rows));
        await writer.SyncAsync(SyncMode.Full, cancel);
        await using var clean = new TidemarkDevice(scratch.File("clean.db"), backend.Address, backend.Token);
        await using var edited = new TidemarkDevice(scratch.File("edited.db"), backend.Address, backend.Token);
        await clean.SyncAsync(SyncMode.Full, cancel);
        await edited.SyncAsync(SyncMode.Full, cancel);

        var (cleanMs, editedMs, cleanMb, editedMb) = (double.MaxValue, double.MaxValue, 0.0, 0.0);
        for (var round = 0; round < Math.Min(effort.Rounds, 3); round++)
        {
            writer.Edit(BenchRow.Range(0, rows).Select(r => r.Edited()));
            await writer.SyncAsync(SyncMode.Full, cancel);
            edited.Edit(BenchRow.Range(0, rows).Select(r => r.Edited()));
            (cleanMs, cleanMb) = await PullAsync(clean, rows, conflicts: 0, cleanMs, cleanMb, cancel);
            (editedMs, editedMb) = await PullAsync(edited, rows, conflicts: rows, editedMs, editedMb, cancel);
        }

        return
        [
            Figure.OfRates($"pull of {rows.ToString("N0", CultureInfo.InvariantCulture)} rows, all in conflict", "rows", rows / cleanMs * 1000, rows / editedMs * 1000, Target.Least(0.2)),
            new Figure("memory at its peak (server in the same process)", Megabytes(cleanMb), Megabytes(editedMb), editedMb / cleanMb, Target.Ceiling(1.25)),
        ];
    }

    // The best of the rounds, and the worst peak.
    private static async Task<(double Ms, double Mb)> PullAsync(TidemarkDevice device, int rows, int conflicts, double bestMs, double worstMb, CancellationToken cancel)
    {
        GC.Collect();
        ProcessMemory.ResetPeak();
        var start = Stopwatch.GetTimestamp();
        var report = await device.SyncAsync(SyncMode.PullOnly, cancel);
        var ms = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        if (report.Pull.Applied + report.Pull.Merged != rows || report.Pull.Conflicts != conflicts)
        {
            throw new InvalidOperationException($"The pull applied {report.Pull.Applied}, merged {report.Pull.Merged} with {report.Pull.Conflicts} conflicts; {rows} rows and {conflicts} conflicts were meant.");
        }

        return (Math.Min(bestMs, ms), Math.Max(worstMb, ProcessMemory.PeakMb));
    }

    private static string Megabytes(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:0} MB");
}
