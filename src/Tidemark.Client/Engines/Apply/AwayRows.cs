using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>Rows out of their tables until their new versions come, so that others can have their unique values, and where a row stands whose key was changed here.</summary>
internal sealed class AwayRows(StoreSession session, PendingRenames renames)
{
    private readonly Dictionary<RowId, LiveRow> _away = [];

    public LiveRow LiveOf(EntityTable table, EntityKey key) =>
        _away.TryGetValue(new RowId(table.Number, key), out var live) ? live : LiveRows.Read(session, table, key);

    /// <summary>Under its key; or where it was put by a change of its key that has not been sent, has no answer, or was refused because the remote's row had changed.</summary>
    public RowId WhereItStands(IncomingRow incoming) =>
        (incoming.RenamedTo ?? renames.Find(incoming.Table, incoming.Key)) is { } key && incoming.Table.ReadEntry(session.Db, key, session.Remote) is null && LiveOf(incoming.Table, incoming.Key).Visible is null
            ? new RowId(incoming.Table.Number, key) : incoming.Id;

    /// <summary>Takes the row out of its table; which, or null when it is not there.</summary>
    public RowId? Take(IncomingRow incoming)
    {
        var id = WhereItStands(incoming);
        if (LiveRows.Read(session, incoming.Table, id.Key) is not { Visible: not null } live)
        {
            return null;
        }

        _away[id] = live;
        incoming.Table.Delete(session.Db, id.Key);
        return id;
    }

    public bool Contains(RowId id) => _away.ContainsKey(id);

    public void Remove(RowId id) => _away.Remove(id);
}
