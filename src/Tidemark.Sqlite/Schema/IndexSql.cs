namespace Tidemark.Sqlite.Schema;

/// <summary>The terms and the condition of a CREATE INDEX as written.</summary>
internal sealed record IndexSql(IReadOnlyList<string> Terms, string? Where)
{
    public static IndexSql Parse(string sql)
    {
        var tokens = SqlTokenizer.Tokenize(sql);
        var open = tokens.FindIndex(t => t.IsSymbol('('));
        if (open < 0)
        {
            throw new FormatException("Not a CREATE INDEX: " + sql);
        }

        var terms = new List<string>();
        var depth = 0;
        var start = open + 1;
        var at = open;
        for (; at < tokens.Count; at++)
        {
            if (tokens[at].IsSymbol('('))
            {
                depth++;
            }
            else if (tokens[at].IsSymbol(')') && --depth == 0)
            {
                terms.Add(Term(sql, tokens, start, at));
                break;
            }
            else if (depth == 1 && tokens[at].IsSymbol(','))
            {
                terms.Add(Term(sql, tokens, start, at));
                start = at + 1;
            }
        }

        var where = tokens.FindIndex(at, t => t.IsWord("WHERE"));
        return new IndexSql(terms, where < 0 ? null : sql[tokens[where].End..].Trim().TrimEnd(';'));
    }

    // ASC, DESC and COLLATE at the end belong to the index, not to the expression.
    private static string Term(string sql, List<SqlToken> tokens, int start, int end)
    {
        if (end > start && (tokens[end - 1].IsWord("ASC") || tokens[end - 1].IsWord("DESC")))
        {
            end--;
        }

        if (end - start > 2 && tokens[end - 2].IsWord("COLLATE"))
        {
            end -= 2;
        }

        return sql[tokens[start].Start..tokens[end - 1].End];
    }
}
