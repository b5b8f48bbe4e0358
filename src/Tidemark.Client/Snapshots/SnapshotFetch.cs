#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Coordination;
using Tidemark.Client.Engines.Integrity;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Client.Snapshots;

/// <summary>A first fetch by file where the remote offers one: manifest, download beside the database, then all rows and the cursor in one transaction.</summary>
internal sealed class SnapshotFetch(LocalStore store, StoreSession session, ISnapshots remote, SyncEnvironment environment, long lockToken, GateMode gate)
{
    /// <param name="space">Null: the user's own one.</param>
    /// <param name="confirm">Asks whether the remote knows what this device has seen of it: a restored one would go unnoticed behind a file of its new history.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>How many rows came; null: pages are to be fetched.</returns>
    /// <exception cref="SyncException">The network failed; the next run goes on with what is there.</exception>
    public async Task<long?> TryAsync(string? space, Func<Task> confirm, CancellationToken cancellationToken)
    {
        var manifest = await remote.GetSnapshotAsync(space, cancellationToken).ConfigureAwait(false);
        if (manifest is not { Offered: true, Cursor: { } cursor, ETag: not null, Mark: not null })
        {
            return null;
        }

        await confirm().ConfigureAwait(false);
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.SnapshotCursorBeforeFile))
        {
            new EngineTransaction(session, environment, lockToken).Run(EngineTransactionKind.None, s => s.Remotes.SetCursor(cursor));
        }
#endif
        var path = SnapshotDownload.PathFor(store.Path, manifest);
        await SnapshotDownload.RunAsync(remote, space, manifest, path, Renew, cancellationToken).ConfigureAwait(false);
        try
        {
            return SnapshotSeeder.Read(path) is { } head && head.Mark == manifest.Mark && head.Epoch == manifest.Epoch && head.Space == manifest.Space
                ? new SnapshotSeeder(session, environment, lockToken, gate).TrySeed(path, head, cursor)
                : null;
        }
        finally
        {
            SnapshotDownload.Forget(store.Path);
        }
    }

    private void Renew()
    {
        try
        {
            store.OnConnectionOfItsOwn(db => RunLock.Renew(db, lockToken, environment));
        }
        catch (StoreException)
        {
            // The next part tries again; a lock that was lost is noticed by the next transaction.
        }
    }
}
