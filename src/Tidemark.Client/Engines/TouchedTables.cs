using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines;

/// <summary>Keys handed to SQL by temporary tables of the engine's connection.</summary>
internal static class TouchedTables
{
    public static string Name(EntityTable table, string purpose) => $"temp._tm_{purpose}_{table.Number}";

    public static void Fill(StoreSession session, EntityTable table, string purpose, IEnumerable<EntityKey> keys)
    {
        var name = Name(table, purpose);
        session.Db.Execute($"CREATE TABLE IF NOT EXISTS {name}({string.Join(", ", Enumerable.Range(0, table.KeyColumns.Count).Select(i => "k" + i))}, PRIMARY KEY({table.MetaKeys})) WITHOUT ROWID");
        session.Db.Execute($"DELETE FROM {name}");
        var insert = session.Db.Prepare($"INSERT OR IGNORE INTO {name} VALUES({string.Join(", ", Enumerable.Range(1, table.KeyColumns.Count).Select(i => "?" + i))})");
        foreach (var key in keys)
        {
            table.BindKey(insert, key);
            insert.Step();
            insert.Reset();
        }
    }
}
