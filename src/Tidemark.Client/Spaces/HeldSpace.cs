using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Spaces;

/// <summary>A shared space that this file holds, or held.</summary>
/// <param name="Remote">The number under which the file keeps its rows, cursors, commands and counters.</param>
/// <param name="Context">The user and space of its outbox events.</param>
/// <param name="Space">The server's name for it.</param>
/// <param name="IsGone">The user has left it: its rows are gone, what could not be sent is kept as dead letters.</param>
internal sealed record HeldSpace(int Remote, long Context, string Space, bool IsGone)
{
    /// <summary>All but the user's own space, which is the home remote's.</summary>
    public static List<HeldSpace> ReadAll(StoreConnection db) =>
        db.Query(
            "SELECT r.id, r.ctx, c.space, r.gone FROM _tm_remote AS r JOIN _tm_context AS c ON c.id = r.ctx WHERE r.id <> ?1 ORDER BY r.id",
            s => new HeldSpace((int)s.ColumnInt64(0), s.ColumnInt64(1), s.Text(2), s.ColumnInt64(3) != 0),
            Value.Integer(StoreSchema.HomeRemote));

    /// <summary>The file holds the space from now on; nothing of it is fetched yet.</summary>
    public static void Take(StoreConnection db, string user, string space)
    {
        db.Execute("INSERT INTO _tm_context(user, space) VALUES(?1, ?2) ON CONFLICT DO NOTHING", Value.Text(user), Value.Text(space));
        var context = db.ScalarInt64("SELECT id FROM _tm_context WHERE user = ?1 AND space = ?2", Value.Text(user), Value.Text(space));
        db.Execute("UPDATE _tm_remote SET gone = 0 WHERE ctx = ?1", Value.Integer(context));
        if (db.Changes == 0)
        {
            db.Execute("INSERT INTO _tm_remote(name, ctx) VALUES(?1, ?2)", Value.Text(space), Value.Integer(context));
        }
    }
}
