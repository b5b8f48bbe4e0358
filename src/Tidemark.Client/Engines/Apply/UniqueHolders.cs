using Tidemark.Client.Capture;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;
using Tidemark.Sqlite;
using Tidemark.Sqlite.Schema;

namespace Tidemark.Client.Engines.Apply;

/// <summary>Finds the rows of a table that hold certain values.</summary>
internal sealed class UniqueHolders(StoreSession session)
{
    private readonly Dictionary<int, (IReadOnlyList<string> Queries, IReadOnlyList<int> Ordinals)> _indexes = [];

    /// <summary>The keys of other rows here that hold a unique value of a row; the indexes of the file count, whether the model knows them or not.</summary>
    public IEnumerable<EntityKey> Of(EntityTable table, Row row)
    {
        var values = Enumerable.Range(0, row.Type.Fields.Count).Select(i => row[i].IsAbsent ? Value.Null : table.Stored(i, row[i])).ToArray();
        return IndexesOf(table).Queries
            .SelectMany(q => session.Db.Query(q, s => table.KeyAt(s, 0), values))
            .Where(k => k != row.Key)
            .Distinct();
    }

    /// <summary>The fields that a unique index of the table looks at.</summary>
    public IReadOnlyList<int> OrdinalsOf(EntityTable table) => IndexesOf(table).Ordinals;

    private (IReadOnlyList<string> Queries, IReadOnlyList<int> Ordinals) IndexesOf(EntityTable table)
    {
        if (_indexes.TryGetValue(table.Number, out var known))
        {
            return known;
        }

        var columns = table.Type.Fields.Select(f => f.ColumnName).ToList();
        var clashes = SchemaReader.Read(session.Db.Connection, table.Type.TableName) is not { } schema ? []
            : ClashSql.ForIndexes(new CaptureTriggers.CaptureSql(table.Type, table.Number, schema)).Where(c => c.Read.All(r => columns.Contains(r, SqlName.Comparer))).ToList();
        return _indexes[table.Number] = (
            [.. clashes.Select(c => c.Holders(columns))],
            [.. Enumerable.Range(0, columns.Count).Where(i => clashes.Exists(c => c.Read.Contains(columns[i], SqlName.Comparer)))]);
    }

    /// <summary>The keys of the rows here whose columns hold these values.</summary>
    public static List<EntityKey> Find(StoreSession session, EntityTable table, IReadOnlyList<int> ordinals, EntityKey values)
    {
        var match = string.Join(" AND ", ordinals.Select((o, i) => $"{table.ColumnOf(o)} = ?{i + 1}"));
        var stored = ordinals.Select((o, i) => table.Stored(o, values[i])).ToArray();
        return session.Db.Query($"SELECT {string.Join(", ", table.KeyColumns)} FROM {table.Name} WHERE {match}", s => table.KeyAt(s, 0), stored);
    }
}
