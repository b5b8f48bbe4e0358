using Tidemark.Cli.Running;
using Tidemark.Client;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;

namespace Tidemark.Cli.Syncing;

/// <summary>An opened file with the server it syncs with.</summary>
internal sealed class OpenDevice : IAsyncDisposable
{
    private readonly TidemarkHttpRemote _remote;

    private OpenDevice(LocalStore store, ServerLink link, SyncOptions options)
    {
        Store = store;
        _remote = new TidemarkHttpRemote(link.Server, _ => Task.FromResult(link.Token), SyncEnvironment.System);
        Sync = new DataSyncService(store, _remote, options, SyncEnvironment.System);
    }

    public LocalStore Store { get; }

    public DataSyncService Sync { get; }

    public static OpenDevice Open(string path, ServerLink link, SyncOptions? options = null) => new(Stores.Open(path), link, options ?? new SyncOptions());

    public async ValueTask DisposeAsync()
    {
        Sync.Dispose();
        _remote.Dispose();
        await Store.DisposeAsync();
    }
}
