#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Coordination;
using Tidemark.Client.Engines.Integrity;
using Tidemark.Client.Environment;
using Tidemark.Client.Spaces;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Snapshots;

/// <summary>Catalogs that are shipped with an app: in the tables before the first run, and without any network. A newer file upgrades; what was downloaded is never replaced by an older one.</summary>
internal static class CatalogSeeds
{
    public static long Run(LocalStore store, IEnumerable<string> files, SyncEnvironment environment)
    {
        var rows = 0L;
        foreach (var file in files)
        {
            if (SnapshotSeeder.Read(file) is { Cursor: { } cursor } head && SpaceNames.IsCatalog(head.Space)
                && store.Model.Entities.Any(e => e.Catalog is { } name && SpaceNames.CatalogPrefix + name == head.Space) && IsNews(store.EngineSession, head))
            {
                rows += Seed(store, file, head, cursor, environment);
            }
        }

        return rows;
    }

    // Another incarnation of the catalog was downloaded: what is shipped knows nothing of it.
    private static bool IsNews(StoreSession home, SnapshotHead head) =>
#if TIDEMARK_MUTANTS
        Mutants.Is(Mutant.CatalogOlderFileTaken) ||
#endif
        HeldSpace.ReadAll(home.Db).FirstOrDefault(h => h.Space == head.Space) is not { } held
        || new RemoteRepository(home.Db, held.Remote).Read() is var state && (state.Epoch is null || (state.Epoch == head.Epoch && (state.Floor?.Position ?? 0) < head.Mark.Position));

    private static long Seed(LocalStore store, string file, SnapshotHead head, string cursor, SyncEnvironment environment)
    {
        var home = store.EngineSession;
        var runLock = new RunLock(home.Db, environment);
        if (runLock.TryTake() is not { } token)
        {
            return 0; // Another process is at it.
        }

        try
        {
            new EngineTransaction(home, environment, token).Run(EngineTransactionKind.None, s => HeldSpace.Take(s.Db, "", head.Space));
            var held = HeldSpace.ReadAll(home.Db).First(h => h.Space == head.Space);
            var session = new StoreSession(home.Db, home, held.Remote, held.Context) { Space = held.Space };
            return new SnapshotSeeder(session, environment, token, GateMode.FailFast).TrySeed(file, head, cursor) ?? 0;
        }
        finally
        {
            RunLock.Release(home.Db, token);
        }
    }
}
