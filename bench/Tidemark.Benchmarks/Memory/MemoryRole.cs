using System.Globalization;
using Tidemark.Benchmarks.Live;
using Tidemark.Benchmarks.LocalWrites;
using Tidemark.Benchmarks.Nodes;
using Tidemark.Benchmarks.Rows;
using Tidemark.Benchmarks.Sync;
using Tidemark.Client.Coordination;

namespace Tidemark.Benchmarks.Memory;

/// <summary>What this program does as a child of itself: be the server, one node of several, fill it, or be the device, and say how much memory that took.</summary>
internal static class MemoryRole
{
    public const string Flag = "--role";

    /// <param name="args">`serve FOLDER`, `fill DB URL TOKEN ROWS`, `pull DB URL TOKEN` or `listen FOLDER URL CONNECTIONS` or `node FOLDER CONNECTION`.</param>
    /// <param name="cancel">Ends the role.</param>
    public static async Task<int> RunAsync(string[] args, CancellationToken cancel)
    {
        switch (args)
        {
            case ["serve", var folder]:
                await ServeAsync(folder);
                return 0;
            case ["fill", var db, var url, var token, var rows]:
                await FillAsync(db, new Uri(url), token, int.Parse(rows, CultureInfo.InvariantCulture), cancel);
                return 0;
            case ["pull", var db, var url, var token]:
                await PullAsync(db, new Uri(url), token, cancel);
                return 0;
            case ["listen", var folder, var url, var connections]:
                await ListenRole.RunAsync(folder, new Uri(url), int.Parse(connections, CultureInfo.InvariantCulture), cancel);
                return 0;
            case ["node", var folder, var connection]:
                await NodeRole.RunAsync(folder, connection, cancel);
                return 0;
            default:
                return 2;
        }
    }

    // Each line on standard input is answered with resident and peak memory; the peak starts again after it.
    private static async Task ServeAsync(string folder)
    {
        await using var backend = await TidemarkBackend.StartAsync(folder);
        Console.WriteLine($"{backend.Address} {backend.Token}");
        while (Console.ReadLine() is not null)
        {
            Say(ProcessMemory.ResidentMb, ProcessMemory.PeakMb);
            ProcessMemory.ResetPeak();
        }
    }

    private static async Task FillAsync(string db, Uri url, string token, int rows, CancellationToken cancel)
    {
        await using var device = new TidemarkDevice(db, url, token);
        BenchTable.Insert(device.App, BenchRow.Range(0, rows));
        await device.SyncAsync(SyncMode.PushOnly, cancel);
    }

    private static async Task PullAsync(string db, Uri url, string token, CancellationToken cancel)
    {
        CapturedFile.Create(db, 0);
        await using var device = new TidemarkDevice(db, url, token);
        var idle = ProcessMemory.ResidentMb;
        ProcessMemory.ResetPeak();
        await device.SyncAsync(SyncMode.Full, cancel);
        Say(idle, ProcessMemory.PeakMb);
    }

    private static void Say(double resident, double peak) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{resident} {peak}"));
}
