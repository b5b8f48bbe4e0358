using Tidemark.Client.Engines;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Duplicates;

/// <summary>
/// Takes a merge back whose deletion the server has not accepted: it would not let the row go, or somebody deleted the row that was to stay. The row is here again as
/// it was, what was moved away from it refers to it again, and the other row has only what it had. Runs with capture off.
/// </summary>
internal sealed class MergeUndo(StoreSession session, SyncEnvironment environment)
{
    private readonly MergedRows _rows = new(session, environment);

    public void Run(EntityTable table, MergeRecord record)
    {
        var key = StoreSession.KeyFrom(table.Type, record.Key);
        session.MergeRecords.End(table.Number, record.Key, MergeState.Returned);
        if (record.Gone is not { } gone || LiveRows.Read(session, table, key).Visible is not null)
        {
            return; // It came back in another way.
        }

        GiveBack(table, record);
        if (table.LiveExists(session.Db, key))
        {
            _rows.SetFields(table, key, [table.Type.OrdinalOf(table.Type.SoftDelete!)], gone);
        }
        else
        {
            table.Insert(session.Db, gone);
        }

        session.Outbox.Touch(table, key, "M", environment.NowMs);
        foreach (var moved in record.Moved)
        {
            if (session.FindTable(moved.Type) is { } child)
            {
                MoveBack(table, child, moved, record);
            }
        }
    }

    // What the row that stayed took over, unless it was changed since.
    private void GiveBack(EntityTable table, MergeRecord record)
    {
        var key = StoreSession.KeyFrom(table.Type, record.Into);
        if (record is not { Before: { } before, After: { } after } || LiveRows.Read(session, table, key).Visible is not { } live)
        {
            return;
        }

        int[] taken = [.. Enumerable.Range(0, table.Type.Fields.Count).Where(i => after[i] != before[i] && live[i] == after[i] && !table.Type.IsKey(i))];
        if (taken.Length > 0)
        {
            _rows.SetFields(table, key, taken, before);
            session.Outbox.Touch(table, key, "M", environment.NowMs);
        }
    }

    private bool IsSent(EntityTable child, EntityKey key, Row back, RelationEdge edge) =>
        child.ReadEntry(session.Db, key, session.Remote) is not null
        && !(child.ReadBase(session.Db, key, session.Remote) is { } @base && MergedRows.ValuesOf(@base, edge.SourceOrdinals) is { } was && was.AsSpan().SequenceEqual(MergedRows.ValuesOf(back, edge.SourceOrdinals)));

    private void MoveBack(EntityTable table, EntityTable child, MovedReference moved, MergeRecord record)
    {
        var key = StoreSession.KeyFrom(child.Type, moved.Key);
        var edge = session.Model.Graph.From(child.Type).FirstOrDefault(e => e.Target == table.Type && e.Relation.Fields.SequenceEqual(moved.Fields, StringComparer.Ordinal));
        if (edge is null || child.ReadLive(session.Db, key) is not { } live || MergedRows.ValuesOf(record.Gone!, edge.TargetOrdinals) is not { } back
            || MergedRows.ValuesOf(record.After!, edge.TargetOrdinals) is not { } to || MergedRows.ValuesOf(live, edge.SourceOrdinals) is not { } now || !now.AsSpan().SequenceEqual(to))
        {
            return; // Gone, or moved on since.
        }

        var row = MergedRows.With(live, edge.SourceOrdinals, back);
        if (IsSent(child, key, row, edge) || (row.Key != key && child.LiveExists(session.Db, row.Key)))
        {
            return; // The server has it there already; or another row has taken its place.
        }

        _rows.SetFields(child, key, edge.SourceOrdinals, row);
        session.Outbox.Touch(child, key, "M", environment.NowMs);
        if (row.Key != key)
        {
            session.Outbox.Touch(child, row.Key, "M", environment.NowMs);
            _rows.MoveReferences(child, live, row, except: []);
        }
    }
}
