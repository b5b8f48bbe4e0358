using Tidemark.Benchmarks.Bare;
using Tidemark.Benchmarks.LocalWrites;
using Tidemark.Benchmarks.Rows;
using Tidemark.Client;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;

namespace Tidemark.Benchmarks.Sync;

/// <summary>A device with the real client: an adopted file, an open store, the HTTP remote. The app's writes go through a connection of their own.</summary>
internal sealed class TidemarkDevice : IAsyncDisposable
{
    private readonly LocalStore _store;
    private readonly TidemarkHttpRemote _remote;
    private readonly DataSyncService _service;
    private int _requests;

    public TidemarkDevice(string path, Uri server, string token)
    {
        var environment = new SyncEnvironment
        {
            Time = SyncEnvironment.System.Time,
            Random = SyncEnvironment.System.Random,
            IsAlive = SyncEnvironment.System.IsAlive,
            ProcessName = SyncEnvironment.System.ProcessName,
            Transport = () => new CountingHandler(SyncEnvironment.System.Transport(), () => Interlocked.Increment(ref _requests)),
        };
        if (!File.Exists(path))
        {
            CapturedFile.Create(path, 0);
        }

        App = new BareDatabase(path);
        _store = LocalStore.Open(path, new StoreOptions(), environment);
        _remote = new TidemarkHttpRemote(server, _ => Task.FromResult(token), environment);
        _service = new DataSyncService(_store, _remote, new SyncOptions(), environment);
    }

    /// <summary>The app's connection.</summary>
    public BareDatabase App { get; }

    public int Requests => Volatile.Read(ref _requests);

    public long Rows => App.Scalar("SELECT count(*) FROM journal_entries");

    public void Edit(IEnumerable<BenchRow> rows)
    {
        using var update = App.Prepare(BenchTable.UpdateSql);
        App.Execute("BEGIN IMMEDIATE");
        foreach (var row in rows)
        {
            update.Bind(1, row.Id);
            update.Bind(2, row.Title);
            update.Run();
        }

        App.Execute("COMMIT");
    }

    /// <exception cref="InvalidOperationException">The run did not end well.</exception>
    public async Task<SyncReport> SyncAsync(SyncMode mode, CancellationToken cancel)
    {
        var report = await _service.SyncAsync(mode, "bench", null, cancel);
        return report.Outcome is SyncOutcome.Done or SyncOutcome.Idle
            ? report
            : throw new InvalidOperationException($"The run ended as {report.Outcome}: {report.Error}", report.Error);
    }

    public async ValueTask DisposeAsync()
    {
        _service.Dispose();
        _remote.Dispose();
        await _store.DisposeAsync();
        App.Dispose();
    }

    private sealed class CountingHandler(HttpMessageHandler inner, Action count) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            count();
            return base.SendAsync(request, cancellationToken);
        }
    }
}
