using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>Finds the rows of a table that hold certain values.</summary>
internal static class UniqueHolders
{
    /// <summary>The keys of other rows here that hold a unique value of a row.</summary>
    public static IEnumerable<EntityKey> Of(StoreSession session, EntityTable table, Row row) =>
        table.Type.UniqueKeys.Select(u => table.Type.OrdinalsOf(u.Fields))
            .Where(ordinals => !ordinals.Any(o => row[o].IsNull || row[o].IsAbsent))
            .SelectMany(ordinals => Find(session, table, ordinals, new EntityKey([.. ordinals.Select(o => row[o])])))
            .Where(k => k != row.Key)
            .Distinct();

    /// <summary>The keys of the rows here whose columns hold these values.</summary>
    public static List<EntityKey> Find(StoreSession session, EntityTable table, IReadOnlyList<int> ordinals, EntityKey values)
    {
        var match = string.Join(" AND ", ordinals.Select((o, i) => $"{table.ColumnOf(o)} = ?{i + 1}"));
        var stored = ordinals.Select((o, i) => table.Stored(o, values[i])).ToArray();
        return session.Db.Query($"SELECT {string.Join(", ", table.KeyColumns)} FROM {table.Name} WHERE {match}", s => table.KeyAt(s, 0), stored);
    }
}
