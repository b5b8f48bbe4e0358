#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using System.Globalization;
using System.Text;
using Tidemark.Model.Entities;
using Tidemark.Sqlite;
using Tidemark.Sqlite.Schema;

namespace Tidemark.Client.Capture;

/// <summary>One trigger as it must stand in the file, letter by letter.</summary>
public sealed record CaptureTrigger(string Name, string Table, string Sql);

/// <summary>
/// The SQL of the triggers that note what happens to the rows of one entity type. A note too many is harmless, a note
/// too few loses an edit. The base is noted BEFORE a change, because a trigger of the app that fires first
/// could change the row again; what an INSERT made and a changed key are noted AFTER it, when the key is final.
/// No JSON, no randomness, nothing that trusted_schema=OFF refuses.
/// </summary>
public static class CaptureTriggers
{
    // Milliseconds since 1970; unixepoch('subsec') is newer than the SQLite of many systems.
    private const string Now = "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)";

    /// <param name="type">The type; its fields are columns of the table.</param>
    /// <param name="number">The type's number in the metadata tables.</param>
    /// <param name="table">The table as it stands in the file.</param>
    public static IReadOnlyList<CaptureTrigger> For(EntityType type, int number, TableSchema table)
    {
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(table);
        var sql = new CaptureSql(type, number, table);
        var clashes = ClashSql.For(sql);
        return [Insert(sql), InsertClash(sql, clashes), Update(sql), .. UpdateClash(sql, clashes), UpdateKey(sql), Delete(sql)];
    }

    private static CaptureTrigger Insert(CaptureSql sql) =>
        sql.Trigger("ai", "AFTER INSERT", null, sql.Touch("I", "NEW"));

    private static CaptureTrigger InsertClash(CaptureSql sql, IReadOnlyList<ClashSql> clashes)
    {
        var any = string.Join(" OR ", clashes.Select(c => c.Exists));
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.ReplacedRowUnnoticed))
        {
            any = "0";
        }
#endif
        return sql.Trigger("bi", "BEFORE INSERT", any, [.. clashes.SelectMany(c => c.Notes)]);
    }

    private static CaptureTrigger Update(CaptureSql sql) =>
        sql.Trigger("bu", "BEFORE UPDATE", null, sql.Base("OLD"), sql.Touch("U", "OLD"));

    // Only rows other than the one that is updated can be thrown out by it.
    private static IEnumerable<CaptureTrigger> UpdateClash(CaptureSql sql, IReadOnlyList<ClashSql> clashes)
    {
        var others = clashes.Select(c => c.AmongOthers()).ToList();
        var any = string.Join(" OR ", others.Select(c => c.Exists));
        var columns = others.SelectMany(c => c.Columns).Distinct(SqlName.Comparer).ToList();
        var of = others.Any(c => c.Columns.Count == 0) ? "" : " OF " + string.Join(", ", columns.Select(SqlName.Quote));
        yield return sql.Trigger("bx", "BEFORE UPDATE" + of, any, [.. others.SelectMany(c => c.Notes)]);
    }

    private static CaptureTrigger UpdateKey(CaptureSql sql)
    {
        var changed = sql.Key.Select(k => $"OLD.{k} IS NOT NEW.{k} COLLATE BINARY OR typeof(OLD.{k}) <> typeof(NEW.{k})");
        var of = string.Join(", ", sql.KeyAndRowIdNames.Select(SqlName.Quote));
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.KeyChangeUnnoticed))
        {
            changed = ["0"];
        }
#endif
        return sql.Trigger("ak", "AFTER UPDATE OF " + of, string.Join(" OR ", changed), sql.Touch("K", "OLD"), sql.Touch("N", "NEW"));
    }

    private static CaptureTrigger Delete(CaptureSql sql) =>
        sql.Trigger("bd", "BEFORE DELETE", null, sql.Base("OLD"), sql.Touch("D", "OLD"));

    /// <summary>The pieces that all triggers of one type share.</summary>
    internal sealed class CaptureSql
    {
        private readonly EntityType _type;
        private readonly int _number;

        public CaptureSql(EntityType type, int number, TableSchema table)
        {
            _type = type;
            _number = number;
            Schema = table;
            Table = SqlName.Quote(table.Name);
            KeyColumns = [.. type.KeyOrdinals.Select(o => type.Fields[o].ColumnName)];
            Key = [.. KeyColumns.Select(SqlName.Quote)];
        }

        public TableSchema Schema { get; }

        public string Table { get; }

        /// <summary>The key's columns, plain.</summary>
        public IReadOnlyList<string> KeyColumns { get; }

        /// <summary>The key's columns, quoted.</summary>
        public IReadOnlyList<string> Key { get; }

        /// <summary>The names under which an UPDATE can set the key: an INTEGER PRIMARY KEY also goes by the rowid's names.</summary>
        public IEnumerable<string> KeyAndRowIdNames => Schema.RowIdAlias is null ? KeyColumns : KeyColumns.Concat(RowIdNames);

        public IEnumerable<string> RowIdNames => new[] { "rowid", "_rowid_", "oid" }.Where(n => Schema.Find(n) is null);

        public CaptureTrigger Trigger(string suffix, string when, string? condition, params IReadOnlyList<string> statements)
        {
            var name = CaptureTables.TriggersOf(_number) + suffix;
            var sql = new StringBuilder()
                .Append("CREATE TRIGGER ").Append(SqlName.Quote(name)).Append(' ').Append(when).Append(" ON ").Append(Table)
                .Append(" WHEN NOT EXISTS (SELECT 1 FROM ").Append(CaptureTables.Guard).Append(')');
            if (condition is not null)
            {
                sql.Append(" AND (").Append(condition).Append(')');
            }

            sql.Append(" BEGIN ");
            foreach (var statement in statements)
            {
                sql.Append(statement).Append("; ");
            }

#if TIDEMARK_MUTANTS
            if (Mutants.Is(Mutant.BaseOverwritten))
            {
                return new CaptureTrigger(name, Schema.Name, sql.Append("END").Replace("INSERT INTO " + BaseTable, "INSERT OR REPLACE INTO " + BaseTable).Replace(" ON CONFLICT DO NOTHING", "").ToString());
            }
#endif
            return new CaptureTrigger(name, Schema.Name, sql.Append("END").ToString());
        }

        /// <summary>Notes a key as touched.</summary>
        public string Touch(string op, string row) =>
            $"INSERT INTO {CaptureTables.Touch}({TouchColumns}) VALUES({Number}, '{op}', {string.Join(", ", Key.Select(k => row + "." + k))}, {Now}, (SELECT ctx FROM {CaptureTables.Current}))";

        /// <summary>Notes the keys of other rows of the table as touched.</summary>
        public string TouchWhere(string where) =>
            $"INSERT INTO {CaptureTables.Touch}({TouchColumns}) SELECT {Number}, 'R', {string.Join(", ", Key.Select(k => "t." + k))}, {Now}, (SELECT ctx FROM {CaptureTables.Current}) FROM {Table} AS t WHERE {where}";

        // The first base wins. Not OR IGNORE: the conflict clause of the outer statement replaces it, and an OR REPLACE would
        // overwrite the base; the upsert clause is never replaced. Not WHERE NOT EXISTS: a SELECT that reads the table it
        // fills goes through a temporary table, a fifth of the whole cost. The unary plus takes the column's affinity away,
        // so that the key's index is used.
        public string Base(string row) =>
            $"INSERT INTO {BaseTable} SELECT {RowKeys}, r.remote, {Fields(row)} FROM {RowTable} AS r WHERE {Match("r", row)} ON CONFLICT DO NOTHING";

        public string BaseWhere(string where) =>
            $"INSERT INTO {BaseTable} SELECT {RowKeys}, r.remote, {Fields("t")} FROM {Table} AS t CROSS JOIN {RowTable} AS r WHERE ({where}) AND {Match("r", "t")} ON CONFLICT DO NOTHING";

        private string Number => _number.ToString(CultureInfo.InvariantCulture);

        private string TouchColumns => "type, op, " + string.Join(", ", Key.Select((_, i) => "k" + Text(i))) + ", at, ctx";

        private string RowTable => CaptureTables.RowTable(_number);

        private string BaseTable => CaptureTables.BaseTable(_number);

        private string RowKeys => string.Join(", ", Key.Select((_, i) => "r.k" + Text(i)));

        private string Fields(string row) => string.Join(", ", _type.Fields.Select(f => row + "." + SqlName.Quote(f.ColumnName)));

        private string Match(string side, string row) => string.Join(" AND ", Key.Select((k, i) => $"{side}.k{Text(i)} = +{row}.{k}"));

        private static string Text(int i) => i.ToString(CultureInfo.InvariantCulture);
    }
}
