using Tidemark.Client.Adoption;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Sqlite;
using Tidemark.Testing;

namespace Tidemark.Client.Tests.Support;

/// <summary>A store of its own, without any server.</summary>
internal sealed class TestStore : IAsyncDisposable
{
    private readonly TempFolder _folder;

    private TestStore(TempFolder folder, LocalStore store)
    {
        _folder = folder;
        Store = store;
    }

    public LocalStore Store { get; }

    public StoreSession Session => Store.EngineSession;

    public static Task<TestStore> MakeAsync(string sql)
    {
        var folder = new TempFolder();
        var path = folder.File("store.db");
        using (var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, Checkpoints = true }))
        {
            connection.Run(sql);
        }

        Adopter.Adopt(path, new AdoptionOptions(), SyncEnvironment.System);
        return Task.FromResult(new TestStore(folder, LocalStore.Open(path, new StoreOptions(), SyncEnvironment.System)));
    }

    public EntityTable Table(string type) => Session.Table(Session.Model.Get(type));

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        _folder.Dispose();
    }
}
