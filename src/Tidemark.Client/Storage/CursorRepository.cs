using Tidemark.Model.Cursors;
using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>Cursor state per remote and entity type. Cursors only move forward; a resync starts them again on purpose.</summary>
public sealed class CursorRepository(StoreConnection db, int remote)
{
    public CompositeCursor ReadAll() =>
        new(db.Query(
            "SELECT type, last_created_at, last_id FROM _tm_cursor WHERE remote = ?1 ORDER BY type",
            s => KeyValuePair.Create(s.Text(0), new EntityCursor(new Position(s.ColumnInt64(1)), s.Text(2))),
            Value.Integer(remote)));

    /// <exception cref="CursorBackwardException">The cursor would move back; nothing was changed.</exception>
    public void Advance(string type, EntityCursor to)
    {
        var now = ReadAll()[type].Advance(type, to);
        db.Execute("INSERT OR REPLACE INTO _tm_cursor(remote, type, last_created_at, last_id) VALUES(?1, ?2, ?3, ?4)",
            Value.Integer(remote), Value.Text(type), Value.Integer(now.LastCreatedAt.Value), Value.Text(now.LastId));
    }

    /// <summary>Starts from nothing; only a resync does this.</summary>
    public void StartAgain() => db.Execute("DELETE FROM _tm_cursor WHERE remote = ?1", Value.Integer(remote));

    /// <summary>The positions no later than which everything is applied: before the oldest row put aside, per type.</summary>
    public IReadOnlyDictionary<string, long> ReadSafe()
    {
        var oldest = db.Query("SELECT type, min(version) FROM _tm_aside WHERE remote = ?1 GROUP BY type", s => (Type: s.Text(0), Version: s.ColumnInt64(1)), Value.Integer(remote))
            .ToDictionary(a => a.Type, a => a.Version, StringComparer.Ordinal);
        return ReadAll().Cursors.ToDictionary(
            c => c.Key,
            c => oldest.TryGetValue(c.Key, out var version) ? Math.Min(c.Value.LastCreatedAt.Value, version - 1) : c.Value.LastCreatedAt.Value,
            StringComparer.Ordinal);
    }
}
