using Tidemark.Sqlite;
using Tidemark.Sqlite.Schema;

namespace Tidemark.Client.Capture;

/// <summary>What the text of one of the app's triggers says: which tables it writes, and where its condition stands.</summary>
internal sealed class TriggerSql
{
    private readonly string _sql;
    private readonly List<SqlToken> _tokens;
    private readonly int _begin;

    private TriggerSql(string sql, List<SqlToken> tokens, int begin)
    {
        _sql = sql;
        _tokens = tokens;
        _begin = begin;
    }

    /// <summary>The guard is in it already.</summary>
    public bool HasGuard => _tokens.Take(_begin).Any(t => t.IsName && SqlName.Comparer.Equals(t.Text, CaptureTables.Guard));

    /// <summary>Null when the text has no body that can be found.</summary>
    public static TriggerSql? Parse(string sql)
    {
        var tokens = SqlTokenizer.Tokenize(sql);
        var depth = 0;
        for (var i = 0; i < tokens.Count; i++)
        {
            depth += tokens[i].IsSymbol('(') ? 1 : tokens[i].IsSymbol(')') ? -1 : 0;

            // NEW.begin and a table of that name are no beginning.
            var isPart = i > 0 && (tokens[i - 1].IsSymbol('.') || tokens[i - 1].IsWord("ON") || tokens[i - 1].IsWord("TRIGGER"));
            if (depth == 0 && !isPart && tokens[i].IsWord("BEGIN"))
            {
                return new TriggerSql(sql, tokens, i);
            }
        }

        return null;
    }

    /// <summary>The tables that statements of the body write; names as written.</summary>
    public IReadOnlyList<string> WrittenTables()
    {
        var written = new List<string>();
        var startsStatement = true;
        for (var i = _begin + 1; i < _tokens.Count; i++)
        {
            if (startsStatement && TargetOf(i) is { } target)
            {
                written.Add(target);
            }

            startsStatement = _tokens[i].IsSymbol(';');
        }

        return written;
    }

    /// <summary>The same trigger that rests while Tidemark applies.</summary>
    public string Guarded()
    {
        const string Test = $"NOT EXISTS (SELECT 1 FROM {CaptureTables.Guard})";
        var when = WhenIndex();
        if (when < 0)
        {
            return _sql[.._tokens[_begin].Start] + "WHEN " + Test + " " + _sql[_tokens[_begin].Start..];
        }

        var condition = _sql[_tokens[when].End.._tokens[_begin - 1].End].Trim();
        return _sql[.._tokens[when].End] + " (" + condition + ") AND " + Test + " " + _sql[_tokens[_begin].Start..];
    }

    // The clause stands before any other WHEN: only names and keywords come before it.
    private int WhenIndex()
    {
        for (var i = 1; i < _begin; i++)
        {
            if (_tokens[i].IsWord("WHEN") && !_tokens[i - 1].IsWord("ON") && !_tokens[i - 1].IsSymbol('.'))
            {
                return i;
            }
        }

        return -1;
    }

    // INSERT [OR x] INTO name, REPLACE INTO name, UPDATE [OR x] name, DELETE FROM name.
    private string? TargetOf(int at)
    {
        var first = _tokens[at];
        if (first.IsWord("INSERT") || first.IsWord("REPLACE"))
        {
            var into = _tokens.FindIndex(at, t => t.IsWord("INTO"));
            return into < 0 ? "" : NameAt(into + 1);
        }

        if (first.IsWord("UPDATE"))
        {
            return NameAt(_tokens[at + 1].IsWord("OR") ? at + 3 : at + 1);
        }

        return first.IsWord("DELETE") ? NameAt(at + 2) : null;
    }

    private string NameAt(int at) => at >= _tokens.Count
        ? ""
        : at + 2 < _tokens.Count && _tokens[at + 1].IsSymbol('.') ? _tokens[at + 2].Text : _tokens[at].Text;
}
