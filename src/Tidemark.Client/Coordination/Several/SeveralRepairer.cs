using Tidemark.Client.Engines;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;

namespace Tidemark.Client.Coordination.Several;

/// <summary>
/// Looks up the rows in which a remote was found to differ, and stages them for the next cycle: a deletion that the remote tells of is one, and a row that it knows
/// nothing of is sent there again. A remote that cannot look rows up is listed anew.
/// </summary>
internal sealed class SeveralRepairer(LocalStore store, IReadOnlyList<NamedRemote> remotes)
{
    private const int KeysMax = 500;

    /// <returns>How many rows the next cycle looks at.</returns>
    public async Task<int> RunAsync(VerifyReport report, EngineTransaction transaction, CancellationToken cancellationToken)
    {
        var repaired = 0;
        foreach (var backend in new BackendRepository(store.EngineSession.Db).ReadAll())
        {
            var rows = report.Types.Where(t => t.Remote == backend.Name).SelectMany(t => t.Differences.Select(d => new RemoteRowId(t.Type, d.Key))).ToList();
            if (rows.Count == 0 || backend.Listing != Listing.None || remotes.FirstOrDefault(r => r.Name == backend.Name) is not { Remote: { } remote })
            {
                continue;
            }

            if (!remote.Capabilities.Lookup)
            {
                transaction.Run(EngineTransactionKind.Cheap, s =>
                {
                    new PulledRepository(s.Db).Clear(backend.Id);
                    new BackendRepository(s.Db).BeginListing(backend.Id, Listing.Restored);
                });
            }

            foreach (var part in remote.Capabilities.Lookup ? rows.Chunk(KeysMax) : [])
            {
                var shown = await remote.LookupAsync(part, cancellationToken).ConfigureAwait(false);
                transaction.Run(EngineTransactionKind.Cheap, s => Note(s, backend.Id, part, shown));
            }

            repaired += rows.Count;
        }

        return repaired;
    }

    private static void Note(StoreSession session, int backend, RemoteRowId[] asked, IReadOnlyList<RemoteRow> shown)
    {
        new PulledRepository(session.Db).AddLookedUp(new BackendRepository(session.Db).Get(backend), shown);
        var book = new JoinBook(session);
        foreach (var row in asked.Except(shown.Select(r => new RemoteRowId(r.Type, r.Key))))
        {
            new QuarantineRepository(session.Db).NoteGone(backend, row.Type, row.Key);
            if (book.TypeOf(row.Type) is { } type)
            {
                var key = StoreSession.KeyFrom(type, row.Key);
                book.DropShadow(backend, type, key);
                if (book.ReadJoined(type, key) is { } joined)
                {
                    book.Reckon(new BackendRepository(session.Db).Get(backend), joined, null, book.ReadKeys().Current?.Id);
                }
            }
        }
    }
}
