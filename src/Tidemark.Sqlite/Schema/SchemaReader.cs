using Microsoft.Data.Sqlite;
using SQLitePCL;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Sqlite.Schema;

/// <summary>Reads what tables a file has, by SQLite's own answers where it has any and by a tokenizer where not.</summary>
public static class SchemaReader
{
    /// <summary>All tables and views of the main schema in the order they were made; SQLite's own are left out.</summary>
    public static IReadOnlyList<TableSchema> ReadAll(SqliteConnection connection)
    {
        var kinds = new Dictionary<string, (TableKind Kind, bool WithoutRowId)>(StringComparer.Ordinal);
        foreach (var row in connection.Query("SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main'"))
        {
            kinds[TextOf(row[0])] = (KindOf(TextOf(row[1])), row[2].AsInteger != 0);
        }

        var triggers = connection.Query("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY rowid")
            .ToLookup(r => TextOf(r[1]), r => new TriggerSchema(TextOf(r[0]), TextOf(r[1]), TextOf(r[2])), SqlName.Comparer);
        var tables = new List<TableSchema>();
        foreach (var row in connection.Query("SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"))
        {
            var name = TextOf(row[0]);
            var (kind, withoutRowId) = kinds.GetValueOrDefault(name, (TableKind.Table, false));
            tables.Add(Describe(connection, name, kind, withoutRowId, TextOf(row[1]), [.. triggers[name]]));
        }

        return tables;
    }

    /// <summary>One table; null when the file has none of that name.</summary>
    public static TableSchema? Read(SqliteConnection connection, string table)
    {
        var found = connection.Query("SELECT l.name, l.type, l.wr, m.sql FROM pragma_table_list AS l JOIN sqlite_master AS m ON m.name = l.name AND m.type IN ('table', 'view') WHERE l.schema = 'main' AND l.name = ?1 COLLATE NOCASE", Value.Text(table));
        if (found.Count == 0)
        {
            return null;
        }

        var row = found[0];
        var triggers = connection.Query("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?1 COLLATE NOCASE ORDER BY rowid", row[0])
            .Select(r => new TriggerSchema(TextOf(r[0]), TextOf(r[1]), TextOf(r[2])));
        return Describe(connection, TextOf(row[0]), KindOf(TextOf(row[1])), row[2].AsInteger != 0, TextOf(row[3]), [.. triggers]);
    }

    /// <summary>Every object of the app in the order it was made, as its DDL.</summary>
    public static IReadOnlyList<SchemaObject> ReadObjects(SqliteConnection connection) =>
        [.. connection.Query("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid")
            .Select(r => new SchemaObject { Kind = TextOf(r[0]), Name = TextOf(r[1]), Table = TextOf(r[2]), Sql = TextOf(r[3]) })];

    // SQLite does not look whether the text of its own schema is text; in a damaged file it may not be.
    private static string TextOf(Value value) => value.Kind == ValueKind.Text
        ? value.AsText
        : throw new StoreException(StoreTrouble.Damaged, $"The schema of the file is damaged: {value} stands where a text belongs. Keep a copy, then restore the file from a backup or clone it anew.");

    private static TableKind KindOf(string type) => type switch
    {
        "view" => TableKind.View,
        "virtual" => TableKind.Virtual,
        "shadow" => TableKind.Shadow,
        _ => TableKind.Table,
    };

    private static TableSchema Describe(SqliteConnection connection, string name, TableKind kind, bool withoutRowId, string sql, IReadOnlyList<TriggerSchema> triggers)
    {
        if (kind != TableKind.Table)
        {
            return new TableSchema { Name = name, Kind = kind, Columns = [], Sql = sql, Triggers = triggers };
        }

        var columns = Columns(connection, name);
        var indexes = UniqueIndexes(connection, name);
        var key = columns.Where(c => c.KeyPlace > 0).ToList();

        // Only the rowid itself is a primary key without an index of its own.
        var alias = !withoutRowId && key.Count == 1 && !indexes.Any(i => i.IsKey) ? key[0].Name : null;
        return new TableSchema
        {
            Name = name,
            Kind = kind,
            WithoutRowId = withoutRowId,
            Columns = columns,
            RowIdAlias = alias,
            ForeignKeys = ForeignKeys(connection, name),
            UniqueIndexes = indexes,
            Triggers = triggers,
            Sql = sql,
        };
    }

    private static List<ColumnSchema> Columns(SqliteConnection connection, string table)
    {
        var db = RawStatement.HandleOf(connection);
        var columns = new List<ColumnSchema>();
        foreach (var row in connection.Query("SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1)", Value.Text(table)))
        {
            var name = row[0].AsText;
            SqliteTrouble.Check(db, raw.sqlite3_table_column_metadata(db, "main", table, name, out _, out var collation, out _, out _, out _));
            columns.Add(new ColumnSchema(name, row[1].AsText, row[2].AsInteger != 0, (int)row[3].AsInteger, row[4].AsInteger >= 2, row[4].AsInteger == 1, collation.ToUpperInvariant()));
        }

        return columns;
    }

    private static List<ForeignKeySchema> ForeignKeys(SqliteConnection connection, string table)
    {
        var keys = new List<ForeignKeySchema>();
        var rows = connection.Query("SELECT id, \"from\", \"to\", \"table\", on_delete, on_update FROM pragma_foreign_key_list(?1) ORDER BY id DESC, seq", Value.Text(table));
        foreach (var group in rows.GroupBy(r => r[0].AsInteger))
        {
            var first = group.First();
            keys.Add(new ForeignKeySchema(
                [.. group.Select(r => r[1].AsText)],
                first[3].AsText,
                group.Any(r => r[2].IsNull) ? [] : [.. group.Select(r => r[2].AsText)],
                first[4].AsText,
                first[5].AsText));
        }

        return keys;
    }

    private static List<UniqueIndexSchema> UniqueIndexes(SqliteConnection connection, string table)
    {
        var indexes = new List<UniqueIndexSchema>();
        foreach (var row in connection.Query("SELECT l.name, l.origin, l.partial, m.sql FROM pragma_index_list(?1) AS l LEFT JOIN sqlite_master AS m ON m.name = l.name AND m.type = 'index' WHERE l.\"unique\" ORDER BY l.name", Value.Text(table)))
        {
            var written = row[3].IsNull ? null : IndexSql.Parse(row[3].AsText);
            var terms = connection.Query("SELECT cid, name, coll FROM pragma_index_xinfo(?1) WHERE key ORDER BY seqno", row[0])
                .Select((t, place) => new IndexTerm(
                    t[1].IsNull ? null : t[1].AsText,
                    t[1].IsNull ? written!.Terms[place] : null,
                    t[2].IsNull ? "BINARY" : t[2].AsText.ToUpperInvariant()));
            indexes.Add(new UniqueIndexSchema(row[0].AsText, string.Equals(row[1].AsText, "pk", StringComparison.Ordinal), [.. terms], row[2].AsInteger != 0 ? written!.Where : null));
        }

        return indexes;
    }
}
