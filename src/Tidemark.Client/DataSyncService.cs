using Tidemark.Client.Coordination;
using Tidemark.Client.Engines;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;

namespace Tidemark.Client;

/// <summary>Syncs one store with one remote. Runs of one file wait for each other, in this process and in others.</summary>
public sealed class DataSyncService : IDisposable
{
    private readonly LocalStore _store;
    private readonly IRemote _remote;
    private readonly SyncEnvironment _environment;
    private readonly SyncOptions _options;
    private readonly RemoteConnection _connection;
    private readonly SemaphoreSlim _oneRun = new(1, 1);

    /// <exception cref="ArgumentException">The store's model names custom merges that <see cref="StoreOptions.Merges"/> has not.</exception>
    public DataSyncService(LocalStore store, IRemote remote, SyncOptions options, SyncEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(remote);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(environment);
        store.EngineSession.Merges.Check(store.Model);
        _store = store;
        _remote = remote;
        _options = options;
        _environment = environment;
        _connection = new RemoteConnection(store, remote, options);
    }

    /// <summary>Raised after a run has let go of the database, when rows changed here or it did not end well. Handlers may use the store at once.</summary>
    public event EventHandler<SyncReport>? Completed;

    /// <summary>Raised when the rows it names are committed: after the push of a run and after its apply, at most once each.</summary>
    public event EventHandler<Coordination.Announcing.Invalidation>? Invalidated;

    /// <summary>One run. Trouble is in the report, not thrown.</summary>
    public async Task<SyncReport> SyncAsync(SyncMode mode, string trigger, IProgress<SyncProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(trigger);
        SyncReport report;
        await _oneRun.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            report = await _store.EngineAsync(
                () => new SyncCoordinator(_store, _remote, _environment, _options, _connection, changes => Invalidated?.Invoke(this, changes)).RunAsync(mode, trigger, progress, cancellationToken),
                cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _oneRun.Release();
        }

        if (report.Outcome != SyncOutcome.Idle)
        {
            Completed?.Invoke(this, report);
        }

        return report;
    }

    /// <summary>Compares what this store knows of the remote with what the remote has, type by type.</summary>
    /// <exception cref="SyncException">The server could not be asked.</exception>
    public Task<VerifyReport> VerifyAsync(CancellationToken cancellationToken) =>
        _store.EngineAsync(() => new Verifier(_store, _remote, _options, _connection).RunAsync(cancellationToken), cancellationToken);

    public void Dispose() => _oneRun.Dispose();
}
