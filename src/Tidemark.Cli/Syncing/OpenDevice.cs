using Tidemark.Cli.Running;
using Tidemark.Client;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage;

namespace Tidemark.Cli.Syncing;

/// <summary>An opened file with the server it syncs with.</summary>
internal sealed class OpenDevice : IAsyncDisposable
{
    private readonly IReadOnlyList<TidemarkHttpRemote> _remotes;

    private OpenDevice(LocalStore store, ServerLink link, SyncOptions options)
    {
        Store = store;
        var remote = new TidemarkHttpRemote(link.Server, _ => Task.FromResult(link.Token), SyncEnvironment.System);
        _remotes = [remote];
        Sync = new DataSyncService(store, remote, options, SyncEnvironment.System);
    }

    private OpenDevice(LocalStore store, IReadOnlyList<(string Name, ServerLink Link)> remotes, SyncOptions options)
    {
        Store = store;
        _remotes = [.. remotes.Select(r => new TidemarkHttpRemote(r.Link.Server, _ => Task.FromResult(r.Link.Token), SyncEnvironment.System))];
        Sync = new DataSyncService(store, [.. remotes.Select((r, i) => new NamedRemote(r.Name, new TidemarkStagedRemote(_remotes[i], SyncEnvironment.System)))], options, SyncEnvironment.System);
    }

    public LocalStore Store { get; }

    public DataSyncService Sync { get; }

    public static OpenDevice Open(string path, ServerLink link, SyncOptions? options = null) => new(Stores.Open(path), link, options ?? new SyncOptions());

    /// <summary>With the file's own remotes, where it has some; else with the server that is named.</summary>
    public static OpenDevice OpenAny(string path, Func<ServerLink> link, Func<string, string?> tokenOf, SyncOptions options)
    {
        if (!File.Exists(path))
        {
            return Open(path, link(), options); // What is wrong with the line is told before what is wrong with the file.
        }

        var store = Stores.Open(path);
        var several = new SeveralRemotes(store);
        if (!several.IsInUse)
        {
            return new OpenDevice(store, link(), options);
        }

        var remotes = several.Read().Select(r => (r.Name, r.Address, Token: tokenOf(r.Name))).ToList();
        return remotes.FirstOrDefault(r => r.Token is null) is { Name: { } name }
            ? throw VerbException.Usage($"Who are you at {name}? Set {SharedOptions.TokenVariableOf(name)}; --token is for all remotes.")
            : new OpenDevice(store, [.. remotes.Select(r => (r.Name, new ServerLink(new Uri(r.Address), r.Token!.Trim())))], options);
    }

    public async ValueTask DisposeAsync()
    {
        Sync.Dispose();
        foreach (var remote in _remotes)
        {
            remote.Dispose();
        }

        await Store.DisposeAsync();
    }
}
