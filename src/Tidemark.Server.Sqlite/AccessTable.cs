using Tidemark.Model.Values;
using Tidemark.Server.Access;
using Tidemark.Sqlite;

namespace Tidemark.Server.Sqlite;

/// <summary>Access books as a table, made with the first line: a file in which nobody's device was ever noted has none.</summary>
internal static class AccessTable
{
    private const string Create = "CREATE TABLE IF NOT EXISTS _tm_access(space_id TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY(space_id, kind, id)) WITHOUT ROWID";

    public static List<AccessEntry> Read(ServerConnection db, SpaceId space) => !IsThere(db)
        ? []
        : db.Connection.Query("SELECT kind, id, value, expires FROM _tm_access WHERE space_id = ?1", Value.Text(space.Value))
            .ConvertAll(r => new AccessEntry(r[0].AsText, r[1].AsText, r[2].AsText, r[3].AsInteger));

    public static List<(SpaceId Space, AccessEntry Entry)> ReadKind(ServerConnection db, string kind) => !IsThere(db)
        ? []
        : db.Connection.Query("SELECT kind, id, value, expires, space_id FROM _tm_access WHERE kind = ?1 ORDER BY space_id, id", Value.Text(kind))
            .ConvertAll(r => (new SpaceId(r[4].AsText), new AccessEntry(r[0].AsText, r[1].AsText, r[2].AsText, r[3].AsInteger)));

    public static List<SpaceId> Spaces(ServerConnection db) => !IsThere(db)
        ? []
        : db.Connection.Query("SELECT DISTINCT space_id FROM _tm_access ORDER BY space_id").ConvertAll(r => new SpaceId(r[0].AsText));

    public static void Write(ServerConnection db, SpaceId space, List<AccessEntry> before, IReadOnlyList<AccessEntry> after)
    {
        db.Connection.Run(Create);
        foreach (var gone in before.ExceptBy(after.Select(e => (e.Kind, e.Id)), e => (e.Kind, e.Id)))
        {
            db.Connection.Run("DELETE FROM _tm_access WHERE space_id = ?1 AND kind = ?2 AND id = ?3", Value.Text(space.Value), Value.Text(gone.Kind), Value.Text(gone.Id));
        }

        foreach (var entry in after.Except(before))
        {
            db.Connection.Run(
                "INSERT INTO _tm_access(space_id, kind, id, value, expires) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(space_id, kind, id) DO UPDATE SET value = excluded.value, expires = excluded.expires",
                Value.Text(space.Value), Value.Text(entry.Kind), Value.Text(entry.Id), Value.Text(entry.Value), Value.Integer(entry.Expires));
        }
    }

    private static bool IsThere(ServerConnection db) => db.Connection.Scalar("SELECT count(*) FROM sqlite_master WHERE name = '_tm_access'").AsInteger != 0;
}
