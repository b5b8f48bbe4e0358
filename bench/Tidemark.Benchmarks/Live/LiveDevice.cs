using Tidemark.Benchmarks.LocalWrites;
using Tidemark.Client;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Queries;
using Tidemark.Client.Remotes;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;

namespace Tidemark.Benchmarks.Live;

/// <summary>A device in expedited mode: what is written here is sent at once, what others wrote is fetched when it is hinted at. No debounce, no polling.</summary>
internal sealed class LiveDevice : IAsyncDisposable
{
    private readonly TidemarkHttpRemote _remote;
    private readonly TidemarkLiveHints _hints;
    private readonly DataSyncService _service;
    private readonly HintGate _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private Task _running = Task.CompletedTask;

    public LiveDevice(string path, Uri server, string token)
    {
        CapturedFile.Create(path, 0);
        Store = LocalStore.Open(path, new StoreOptions(), SyncEnvironment.System);
        _remote = new TidemarkHttpRemote(server, _ => Task.FromResult(token), SyncEnvironment.System);
        _service = new DataSyncService(Store, _remote, new SyncOptions(), SyncEnvironment.System);
        _hints = new TidemarkLiveHints(server, _ => Task.FromResult(token), new LiveHintOptions { DeviceId = Store.DeviceId }, SyncEnvironment.System);
    }

    public LocalStore Store { get; }

    public async Task StartAsync()
    {
        await RunAsync(SyncMode.Full);
        var connected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var hints = _hints.RunAsync(
            hint =>
            {
                _gate.Hinted(hint);
                connected.TrySetResult();
            },
            _stop.Token);
        _running = Task.WhenAll(hints, SendAsync(), FetchAsync());
        await connected.Task;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _service.Dispose();
        _remote.Dispose();
        await Store.DisposeAsync();
        _stop.Dispose();
    }

    private async Task SendAsync()
    {
        await foreach (var hasNotes in Store.Changes.CommitsAsync(_stop.Token))
        {
            if (hasNotes)
            {
                await RunAsync(SyncMode.PushOnly);
            }
        }
    }

    private async Task FetchAsync()
    {
        while (true)
        {
            await _gate.WaitAsync(_stop.Token);
            await RunAsync(SyncMode.PullOnly);
        }
    }

    private async Task RunAsync(SyncMode mode)
    {
        var report = await _service.SyncAsync(mode, "live", null, _stop.Token);
        _gate.Note(report);
        if (report.Error is { } error)
        {
            throw new InvalidOperationException("A run failed: " + error.Message, error);
        }
    }
}
