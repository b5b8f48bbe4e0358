using System.Text;
using Tidemark.Sqlite;
using Tidemark.Sqlite.Schema;

namespace Tidemark.Client.Capture;

/// <summary>
/// One way in which OR REPLACE throws out a row: it holds the key, the rowid or a unique value of the new one. SQLite fires
/// no delete trigger for that unless recursive_triggers is on.
/// </summary>
internal sealed class ClashSql
{
    private readonly CaptureTriggers.CaptureSql _sql;
    private readonly string _where;

    private ClashSql(CaptureTriggers.CaptureSql sql, string where, IReadOnlyList<string> columns, IReadOnlyList<string>? read = null)
    {
        _sql = sql;
        _where = where;
        Columns = columns;
        Read = read ?? columns;
    }

    /// <summary>The columns whose change can make the clash; empty when any can.</summary>
    public IReadOnlyList<string> Columns { get; }

    /// <summary>The columns that tell whether there is a clash.</summary>
    public IReadOnlyList<string> Read { get; }

    public string Exists => $"EXISTS (SELECT 1 FROM {_sql.Table} AS t WHERE {_where})";

    public IReadOnlyList<string> Notes => [_sql.BaseWhere(_where), _sql.TouchWhere(_where)];

    public static IReadOnlyList<ClashSql> For(CaptureTriggers.CaptureSql sql)
    {
        var schema = sql.Schema;
        var clashes = new List<ClashSql>();
        if (schema.RowIdAlias is not null)
        {
            clashes.Add(new ClashSql(sql, $"t.{sql.Key[0]} = NEW.{sql.Key[0]}", [.. sql.KeyAndRowIdNames]));
        }
        else if (schema.RowIdName is { } rowId)
        {
            // A table with another key can lose a row through its rowid when a statement names it.
            clashes.Add(new ClashSql(sql, $"t.{rowId} = NEW.{rowId}", [.. sql.RowIdNames]));
        }

        clashes.AddRange(ForIndexes(sql));
        return clashes;
    }

    /// <summary>One for each unique index of the table, also for those that the model does not know: over some rows, an expression, another collation.</summary>
    public static IReadOnlyList<ClashSql> ForIndexes(CaptureTriggers.CaptureSql sql) => [.. sql.Schema.UniqueIndexes.Select(index => ForIndex(sql, index))];

    /// <summary>The keys of the rows that a row with these values, one parameter for each column, would throw out.</summary>
    public string Holders(IEnumerable<string> columns) =>
        $"SELECT {string.Join(", ", _sql.Key.Select(k => "t." + k))} FROM {_sql.Table} AS t, (SELECT {string.Join(", ", columns.Select((c, i) => $"?{i + 1} AS {SqlName.Quote(c)}"))}) AS NEW WHERE {_where}";

    public ClashSql AmongOthers()
    {
        var self = string.Join(" AND ", _sql.Key.Select(k => $"t.{k} IS OLD.{k}"));
        return new ClashSql(_sql, $"{_where} AND NOT ({self})", Columns);
    }

    private static ClashSql ForIndex(CaptureTriggers.CaptureSql sql, UniqueIndexSchema index)
    {
        var columns = new List<string>();
        var terms = new List<string>();
        foreach (var term in index.Terms)
        {
            if (term.Column is not null)
            {
                columns.Add(term.Column);
                var name = SqlName.Quote(term.Column);
                terms.Add($"t.{name} = NEW.{name} COLLATE {SqlName.Quote(term.Collation)}");
            }
            else
            {
                terms.Add($"({Qualified(sql.Schema, term.Expression!, "t", columns)}) = ({Qualified(sql.Schema, term.Expression!, "NEW", columns)}) COLLATE {SqlName.Quote(term.Collation)}");
            }
        }

        if (index.Where is not null)
        {
            terms.Add($"({Qualified(sql.Schema, index.Where, "t", columns)})");
        }

        // A generated column changes with columns that its name does not tell.
        var hidesOthers = columns.Any(c => sql.Schema.Find(c) is { Generated: true });
        var read = columns.Distinct(SqlName.Comparer).ToList();
        return new ClashSql(sql, string.Join(" AND ", terms), hidesOthers ? [] : read, read);
    }

    // The expression with every column of the table led by the row it is taken from.
    private static string Qualified(TableSchema schema, string expression, string row, List<string> columns)
    {
        var tokens = SqlTokenizer.Tokenize(expression);
        var text = new StringBuilder();
        var at = 0;
        for (var i = 0; i < tokens.Count; i++)
        {
            var token = tokens[i];
            var isCall = i + 1 < tokens.Count && tokens[i + 1].IsSymbol('(');
            var isQualifier = i + 1 < tokens.Count && tokens[i + 1].IsSymbol('.');
            var isCollation = i > 0 && tokens[i - 1].IsWord("COLLATE");
            if (!token.IsName || isCall || isCollation)
            {
                continue;
            }

            if (isQualifier)
            {
                text.Append(expression, at, token.Start - at);
                at = tokens[i + 1].End;
            }
            else if (schema.Find(token.Text) is { } column)
            {
                columns.Add(column.Name);
                text.Append(expression, at, token.Start - at).Append(row).Append('.').Append(SqlName.Quote(column.Name));
                at = token.End;
            }
        }

        return text.Append(expression, at, expression.Length - at).ToString();
    }
}
