// The app: shows what was drunk, wherever it was entered, and keeps the file in step with the server.
//   water FILE                    shows and syncs until Ctrl-C (TIDEMARK_SERVER and TIDEMARK_TOKEN say where)
//   water FILE add ML             enters a glass; the running app, the widget and all other devices have it within a second or so
//   water FILE rain RATE SECONDS  writes so many a second beside the widget, syncing all the while
using System.Globalization;
using Tidemark.Client;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Samples.Water;

if (args is not [var file, ..])
{
    Console.Error.WriteLine("water FILE [add ML | rain RATE SECONDS]");
    return 2;
}

await using var log = WaterLog.Open(file);
if (args is [_, "add", var ml])
{
    await log.AddAsync("app", int.Parse(ml, CultureInfo.InvariantCulture));
    return 0;
}

// Everything about syncing: made, started, stopped. It notices by itself what this process, the widget and other devices write.
using var remote = new TidemarkHttpRemote(new Uri(Needed("TIDEMARK_SERVER")), _ => Task.FromResult(Needed("TIDEMARK_TOKEN")), SyncEnvironment.System);
using var sync = new DataSyncService(log.Store, remote, new SyncOptions(), SyncEnvironment.System);
sync.Start();
sync.OpenStartupGate();
Console.WriteLine("ready");
if (args is [_, "rain", var rate, var seconds])
{
    await Downpour.RunAsync(log, "app", "widget", int.Parse(rate, CultureInfo.InvariantCulture), int.Parse(seconds, CultureInfo.InvariantCulture));
}
else
{
    await ShowAsync();
}

var last = await sync.PushAsync();
await sync.StopAsync();
Console.WriteLine($"{sync.Status.Runs} runs, {last.Pending} waiting. {last.Error?.Message}");
return last.Error is null ? 0 : 1;

async Task ShowAsync()
{
    using var stop = new CancellationTokenSource();
    Console.CancelKeyPress += (_, e) =>
    {
        e.Cancel = true;
        stop.Cancel();
    };
    try
    {
        await foreach (var litres in log.WatchLitresAsync(stop.Token))
        {
            Console.WriteLine($"{litres:0.00} l    {(sync.Status.Pending == 0 ? "all sent" : $"{sync.Status.Pending} to send")}");
        }
    }
    catch (OperationCanceledException)
    {
        // Ctrl-C.
    }
}

static string Needed(string name) => Environment.GetEnvironmentVariable(name) ?? throw new InvalidOperationException($"{name} is not set.");
