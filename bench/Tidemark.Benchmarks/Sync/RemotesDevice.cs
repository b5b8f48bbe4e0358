using Tidemark.Benchmarks.Bare;
using Tidemark.Benchmarks.Rows;
using Tidemark.Client;
using Tidemark.Client.Adoption;
using Tidemark.Client.Coordination;
using Tidemark.Client.Encryption;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;

namespace Tidemark.Benchmarks.Sync;

/// <summary>A device whose file names its remotes itself.</summary>
internal sealed class RemotesDevice : IAsyncDisposable
{
    private readonly LocalStore _store;
    private readonly IReadOnlyList<TidemarkHttpRemote> _remotes;
    private readonly DataSyncService _service;

    private RemotesDevice(string path, LocalStore store, IReadOnlyList<TidemarkHttpRemote> remotes)
    {
        App = new BareDatabase(path);
        _store = store;
        _remotes = remotes;
        _service = new DataSyncService(store, [.. remotes.Select((r, i) => new NamedRemote(NameOf(i), new TidemarkStagedRemote(r, SyncEnvironment.System)))], new SyncOptions(), SyncEnvironment.System);
    }

    /// <summary>The app's connection.</summary>
    public BareDatabase App { get; }

    public KeyRing Keys { get; private set; } = KeyRing.Empty;

    public long Rows => App.Scalar("SELECT count(*) FROM journal_entries");

    /// <param name="path">Of its file, which is made with an empty table.</param>
    /// <param name="backends">Its remotes.</param>
    /// <param name="encrypted">Columns to encrypt.</param>
    /// <param name="keys">Those of another device; null: it makes its own.</param>
    /// <param name="cancel">Ends it.</param>
    /// <param name="policies">How fields are merged; none: the last writer stands.</param>
    public static async Task<RemotesDevice> MakeAsync(
        string path, IReadOnlyList<TidemarkBackend> backends, IReadOnlyList<string> encrypted, KeyRing? keys, CancellationToken cancel, IReadOnlyDictionary<string, FieldPolicy>? policies = null)
    {
        var schema = policies is null ? path : path + ".schema";
        BenchTable.Create(schema, 0);
        var model = Adopter.Adopt(schema, new AdoptionOptions { Encrypt = encrypted }, SyncEnvironment.System).Model;
        if (policies is not null)
        {
            Adopter.CreateEmpty(path, model with { Entities = [.. model.Entities.Select(e => e with { Fields = [.. e.Fields.Select(f => f with { Policy = policies.GetValueOrDefault(f.Name, f.Policy) })] })] }, SyncEnvironment.System);
        }

        var store = LocalStore.Open(path, new StoreOptions(), SyncEnvironment.System);
        var several = new SeveralRemotes(store);
        for (var i = 0; i < backends.Count; i++)
        {
            await several.AddAsync(NameOf(i), backends[i].Address.AbsoluteUri, cancel);
        }

        var ring = keys ?? KeyRing.Empty.Rotated(SyncEnvironment.System.Random);
        await several.AddKeysAsync(ring, null, SyncEnvironment.System, cancel);
        return new RemotesDevice(path, store, [.. backends.Select(b => new TidemarkHttpRemote(b.Address, _ => Task.FromResult(b.Token), SyncEnvironment.System))]) { Keys = ring };
    }

    /// <exception cref="InvalidOperationException">The run did not end well.</exception>
    public async Task SyncAsync(CancellationToken cancel)
    {
        var report = await _service.SyncAsync(SyncMode.Full, "bench", null, cancel);
        if (report.Outcome != SyncOutcome.Done || report.Warnings.Count > 0)
        {
            throw new InvalidOperationException($"The run ended as {report.Outcome}: {report.Error} {string.Join(" ", report.Warnings)}", report.Error);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _service.Dispose();
        foreach (var remote in _remotes)
        {
            remote.Dispose();
        }

        await _store.DisposeAsync();
        App.Dispose();
    }

    private static string NameOf(int remote) => "r" + remote.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
