using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>
/// What a restored server had shown and lost goes where it has written the row, or deleted it, since: the answer to its offer says so, and it is kept in a record.
/// Edits on top of it are merged as any.
/// </summary>
internal sealed class LostContents(StoreSession session, long nowMs)
{
    /// <summary>Was anything lost?</summary>
    /// <param name="incoming">What the server has now.</param>
    /// <param name="lost">The row as it was offered.</param>
    /// <param name="remote">The row as the server has it now; null when it was deleted.</param>
    public bool Record(IncomingRow incoming, Row? lost, Row? remote)
    {
        if (!incoming.IsOffer || lost is null || (remote is not null && lost.SameAs(remote)))
        {
            return false;
        }

        var input = new ConflictInput(incoming.Table.Type, null, lost, remote) { IsRemoteDeleted = remote is null };
        session.Conflicts.Add(ConflictRecords.Of(
            incoming, input, new ConflictResolution(
                ConflictOutcome.AdoptServer, remote, [], HasConflict: true, $"The server was restored and this row {(remote is null ? "deleted" : "written")} there since: what it had lost is kept in this record."), nowMs, byRules: remote is not null));
        return true;
    }

    /// <summary>Put aside, the answer comes later, as any other row or deletion: nothing of it tells then that an offer was the question.</summary>
    public bool RecordPutAside(IncomingRow incoming, LiveRow live) =>
        incoming.IsOffer && (incoming.Table.ReadBase(session.Db, incoming.Key, session.Remote) ?? live.Visible) is { } lost
        && Record(incoming, lost, incoming.Row is { } row ? RowFill.Of(row, lost) : null);
}
