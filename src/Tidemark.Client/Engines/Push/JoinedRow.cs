using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Push;

/// <summary>
/// One row that this device knows under two keys: it was brought back under the one it had before somebody gave it the other. What the remote has shown of it last
/// is what it is, and what was edited under either key is still to be sent.
/// </summary>
internal sealed record JoinedRow(EntityKey Key, RowEntry Entry, Row? Base, Row Live)
{
    /// <summary>The server says that a row goes on under the key where an edit here has brought it back, and is to be made anew: it is one of that row. Null: nothing to keep.</summary>
    public static JoinedRow? OfRevived(StoreSession session, EntityTable table, EntityKey from, EntityKey to)
    {
        var @base = table.ReadBase(session.Db, from, session.Remote);
        if (table.ReadEntry(session.Db, from, session.Remote) is not { } entry || (LiveRows.Read(session, table, from).Visible ?? @base) is not { } left || LiveRows.Read(session, table, to).Visible is not { } live)
        {
            return null;
        }

        left = EntityTable.Under(left, to);
        var edited = (table.ReadBase(session.Db, to, session.Remote) ?? left).DifferenceTo(live);
        return new JoinedRow(to, entry, Under(@base, to) ?? left, edited is null ? left : left.Patched(edited));
    }

    /// <summary>Null: they are two rows, or one of them is gone here.</summary>
    public static JoinedRow? Of(StoreSession session, EntityTable table, EntityKey from, EntityKey to)
    {
        if (table.ReadEntry(session.Db, from, session.Remote) is not { } former || table.ReadEntry(session.Db, to, session.Remote) is not { } entry || former.MadeBy is null || former.MadeBy != entry.MadeBy
            || LiveRows.Read(session, table, from).Visible is not { } left || LiveRows.Read(session, table, to).Visible is not { } live)
        {
            return null;
        }

        var one = (Entry: former, Base: Under(table.ReadBase(session.Db, from, session.Remote), to), Live: EntityTable.Under(left, to));
        var other = (Entry: entry, Base: table.ReadBase(session.Db, to, session.Remote), Live: live);
        var (newer, older) = ContentOf(from, former) > ContentOf(to, entry) ? (one, other) : (other, one);
        var edited = older.Base?.DifferenceTo(older.Live);
        return edited is null
            ? new JoinedRow(to, newer.Entry, newer.Base, newer.Live)
            : new JoinedRow(to, newer.Entry, newer.Base ?? newer.Live, newer.Live.Patched(edited));

        // What was offered has a version of today, and content of before.
        long ContentOf(EntityKey key, RowEntry of) => session.Contents.Of(new RowId(table.Number, key), of.Version);
    }

    public void Keep(StoreSession session, EntityTable table, long nowMs)
    {
        table.SetEntry(session.Db, Key, session.Remote, Entry.Version, Entry.Digest, Entry.MadeBy);
        table.DropBase(session.Db, Key, session.Remote);
        session.Tombstones.Drop(table.Number, Key);
        table.Update(session.Db, Live);
        if (Base is not null)
        {
            table.SetBase(session.Db, Key, session.Remote, Base);
            session.Outbox.Touch(table, Key, "M", nowMs);
        }
    }

    private static Row? Under(Row? row, EntityKey key) => row is null ? null : EntityTable.Under(row, key);
}
