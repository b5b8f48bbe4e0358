using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Environment;
using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Engines.Push;

/// <summary>
/// Deletions that were refused because the row had changed there, where the update wins, of rows that cannot stand here yet. Whether they can has no say in
/// who wins: the row waits aside, and its deletion is not sent again.
/// </summary>
internal sealed class LostDeletions(StoreSession session, SyncEnvironment environment)
{
    public bool TryEnd(IncomingRow incoming, StoredCommand command)
    {
        var table = incoming.Table;
        if (command.Operation != Operation.Delete || table.Type.DeletePolicy != DeletePolicy.UpdateWins || table.LiveExists(session.Db, incoming.Key)
            || table.ReadBase(session.Db, incoming.Key, session.Remote) is not { } @base || @base.SameAs(RowFill.Of(incoming.Row!, @base)))
        {
            return false;
        }

        session.Conflicts.Add(ConflictRecords.Of(
            incoming, new ConflictInput(table.Type, @base, null, incoming.Row),
            new ConflictResolution(ConflictOutcome.AdoptServer, null, [], HasConflict: true, "Deleted here, changed there: the update wins. The row is put aside until it can stand here."), environment.NowMs, byRules: false));
        table.DropEntry(session.Db, incoming.Key, session.Remote);
        table.DropBase(session.Db, incoming.Key, session.Remote);
        if (session.HasTombstones)
        {
            session.Tombstones.Drop(table.Number, incoming.Key);
        }

        return true;
    }
}
