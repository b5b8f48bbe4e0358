using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Spaces;

/// <summary>
/// Gives each outbox event to the space that its row is in. Triggers stamp all of them for the user's own space: which it is can need a look at other rows.
/// Done before anything of a space is frozen, in the same transaction.
/// </summary>
internal static class TouchSorter
{
    public static void Run(StoreSession session)
    {
        if (session.Owners is not { } owners)
        {
            return;
        }

        owners.Refresh();
        var home = session.Db.ScalarInt64("SELECT ctx FROM _tm_remote WHERE id = ?1", Value.Integer(StoreSchema.HomeRemote));
        var contexts = HeldSpace.ReadAll(session.Db).Where(h => !h.IsGone).ToDictionary(h => h.Remote, h => h.Context);
        if (contexts.Count == 0)
        {
            return;
        }

        foreach (var table in session.Tables)
        {
            var keys = session.Db.Query($"SELECT DISTINCT {table.MetaKeys} FROM _tm_touch WHERE type = ?1 AND ctx = ?2", s => table.KeyAt(s, 0), Value.Integer(table.Number), Value.Integer(home));
            foreach (var key in keys)
            {
                if (contexts.TryGetValue(owners.OwnerOf(table, key), out var context))
                {
                    Move(session, table, key, home, context);
                }
            }
        }
    }

    private static void Move(StoreSession session, EntityTable table, EntityKey key, long from, long to)
    {
        var statement = session.Db.Prepare($"UPDATE _tm_touch SET ctx = ?{key.Count + 3} WHERE type = ?{key.Count + 1} AND ctx = ?{key.Count + 2} AND {string.Join(" AND ", Enumerable.Range(0, key.Count).Select(i => $"k{i} IS ?{i + 1}"))}");
        table.BindKey(statement, key);
        statement.Bind(key.Count + 1, table.Number);
        statement.Bind(key.Count + 2, from);
        statement.Bind(key.Count + 3, to);
        statement.Step();
        statement.Reset();
    }
}
