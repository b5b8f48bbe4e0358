using Tidemark.Client.Handlers;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines;

/// <summary>
/// An id that the server gives and that was deleted and inserted again here (SQLite reuses rowids) is a deletion and a new row: the new one moves to a fresh
/// id, and the old one is free to be what the remote says of it.
/// </summary>
internal sealed class MadeAgain(StoreSession session, IdCascade cascade, long nowMs)
{
    private ReusedIds? _reused;

    /// <summary>Did an app delete the row that the remote has shown under this id, and insert another one?</summary>
    public bool Is(EntityTable table, EntityKey key) => IsAnother(table, key) && table.ReadEntry(session.Db, key, session.Remote) is not null;

    /// <summary>Did an app insert the row that stands under this id after another one that had it was deleted or went on under another key? What is on its way under the id is that one's.</summary>
    public bool IsAnother(EntityTable table, EntityKey key) =>
        table.Type.Identity == IdentityModel.ServerAssigned && new RowId(table.Number, key) is var id && !cascade.IsLeft(id) && Read() is var reused && reused.Again.Contains(id)
        && !(reused.MayBeThrown(id) && table.ReadEntry(session.Db, key, session.Remote) is not null && table.ReadBase(session.Db, key, session.Remote) is null);

    /// <summary>Is the row that stands under this id one that was deleted at the remote and lives on here, rather than one that an app has inserted?</summary>
    public bool IsRevived(EntityTable table, EntityKey key)
    {
        if (session.Tombstones.VersionOf(table.Number, key) == 0)
        {
            return false;
        }

        return !IsInserted(table, key);
    }

    /// <summary>Has an app inserted the row that stands under this id, where no row was when its deletion was sent? Else the remote has brought the deleted one back meanwhile.</summary>
    public bool IsInserted(EntityTable table, EntityKey key) => new RowId(table.Number, key) is var id && !cascade.IsLeft(id) && Read().Inserted.Contains(id);

    /// <summary>The row gets a fresh id; whoever refers to it goes with it.</summary>
    public void Separate(EntityTable table, EntityKey key)
    {
        NoteReferences(table, key);
        cascade.MoveAside(table, key, isMadeAgain: true);
        session.Outbox.Touch(table, key, "M", nowMs);
    }

    // Whoever refers to the id means the new row now. Where the remote has shown that reference, it is an edit of it: the remote still shows the old row.
    private void NoteReferences(EntityTable table, EntityKey key)
    {
        foreach (var edge in session.Model.Graph.To(table.Type).Where(e => e.TargetsKey))
        {
            var child = session.Table(edge.Source);
            var ordinal = edge.SourceOrdinals[0];
            var keys = session.Db.Query(
                $"SELECT {string.Join(", ", child.KeyColumns)} FROM {child.Name} WHERE {child.ColumnOf(ordinal)} = ?1", s => child.KeyAt(s, 0), child.Stored(ordinal, key[0]));
            foreach (var found in keys.Where(k => (child.Number != table.Number || k != key) && child.ReadEntry(session.Db, k, session.Remote) is not null))
            {
                if (child.ReadBase(session.Db, found, session.Remote) is null)
                {
                    child.SetBase(session.Db, found, session.Remote, child.ReadLive(session.Db, found)!);
                }

                session.Outbox.Touch(child, found, "M", nowMs);
            }
        }
    }

    private ReusedIds Read()
    {
        if (_reused is not null)
        {
            return _reused;
        }

        _reused = new ReusedIds();
        foreach (var (type, key, operation, _, _) in session.Outbox.ReadRows())
        {
            if (operation == Operation.Delete && session.FindTable(type) is { } table)
            {
                _reused.NoteDeletion(new RowId(type, StoreSession.KeyFrom(table.Type, key))); // On its way, or refused.
            }
        }

        foreach (var touch in session.Outbox.ReadTouches(0, int.MaxValue))
        {
            if (session.FindTable(touch.Type) is { Type.Identity: IdentityModel.ServerAssigned } table)
            {
                _reused.Note(table, new RowId(table.Number, table.KeyOf(touch)), touch);
            }
        }

        return _reused;
    }
}
