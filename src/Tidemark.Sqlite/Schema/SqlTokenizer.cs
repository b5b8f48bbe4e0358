namespace Tidemark.Sqlite.Schema;

public enum SqlTokenKind
{
    /// <summary>A bare word: a keyword or a name.</summary>
    Word,

    /// <summary>A name in "", [] or ``.</summary>
    QuotedName,

    /// <summary>A text, blob or number literal or a parameter.</summary>
    Literal,

    /// <summary>Anything else, one character each.</summary>
    Symbol,
}

/// <summary>One token: where it stands, and its text with the quotes of a name taken off.</summary>
public readonly record struct SqlToken(SqlTokenKind Kind, int Start, int End, string Text)
{
    public bool IsName => Kind is SqlTokenKind.Word or SqlTokenKind.QuotedName;

    public bool IsWord(string keyword) => Kind == SqlTokenKind.Word && string.Equals(Text, keyword, StringComparison.OrdinalIgnoreCase);

    public bool IsSymbol(char symbol) => Kind == SqlTokenKind.Symbol && Text[0] == symbol;
}

/// <summary>Cuts SQL that SQLite has already accepted into tokens; comments and spaces are left out.</summary>
public static class SqlTokenizer
{
    public static List<SqlToken> Tokenize(string sql)
    {
        ArgumentNullException.ThrowIfNull(sql);
        var tokens = new List<SqlToken>();
        var at = 0;
        while (at < sql.Length)
        {
            var c = sql[at];
            if (char.IsWhiteSpace(c))
            {
                at++;
            }
            else if (c == '-' && Next(sql, at) == '-')
            {
                at = EndOf(sql, "\n", at + 2);
            }
            else if (c == '/' && Next(sql, at) == '*')
            {
                at = EndOf(sql, "*/", at + 2);
            }
            else
            {
                var token = Read(sql, at, c);
                tokens.Add(token);
                at = token.End;
            }
        }

        return tokens;
    }

    private static SqlToken Read(string sql, int at, char c)
    {
        switch (c)
        {
            case '\'':
                return Quoted(sql, at, '\'', SqlTokenKind.Literal);
            case '"' or '`':
                return Quoted(sql, at, c, SqlTokenKind.QuotedName);
            case '[':
                var close = sql.IndexOf(']', at);
                var end = close < 0 ? sql.Length : close + 1;
                return new SqlToken(SqlTokenKind.QuotedName, at, end, sql[(at + 1)..(close < 0 ? end : close)]);
            case 'x' or 'X' when Next(sql, at) == '\'':
                var blob = Quoted(sql, at + 1, '\'', SqlTokenKind.Literal);
                return blob with { Start = at };
        }

        if (char.IsAsciiDigit(c) || (c == '.' && char.IsAsciiDigit(Next(sql, at))))
        {
            return Run(sql, at, SqlTokenKind.Literal, static ch => char.IsAsciiLetterOrDigit(ch) || ch is '.' or '_');
        }

        if (IsNameStart(c))
        {
            return Run(sql, at, SqlTokenKind.Word, static ch => IsNameStart(ch) || char.IsAsciiDigit(ch) || ch == '$');
        }

        return new SqlToken(SqlTokenKind.Symbol, at, at + 1, sql[at..(at + 1)]);
    }

    private static bool IsNameStart(char c) => char.IsAsciiLetter(c) || c == '_' || c > 127;

    private static SqlToken Run(string sql, int at, SqlTokenKind kind, Func<char, bool> belongs)
    {
        var end = at + 1;
        while (end < sql.Length && belongs(sql[end]))
        {
            end++;
        }

        return new SqlToken(kind, at, end, sql[at..end]);
    }

    private static SqlToken Quoted(string sql, int at, char quote, SqlTokenKind kind)
    {
        var end = at + 1;
        while (end < sql.Length)
        {
            if (sql[end] != quote)
            {
                end++;
            }
            else if (Next(sql, end) == quote)
            {
                end += 2;
            }
            else
            {
                break;
            }
        }

        var inner = sql[(at + 1)..Math.Min(end, sql.Length)];
        return new SqlToken(kind, at, Math.Min(end + 1, sql.Length), inner.Replace(new string(quote, 2), quote.ToString(), StringComparison.Ordinal));
    }

    private static char Next(string sql, int at) => at + 1 < sql.Length ? sql[at + 1] : '\0';

    private static int EndOf(string sql, string mark, int from)
    {
        var found = from >= sql.Length ? -1 : sql.IndexOf(mark, from, StringComparison.Ordinal);
        return found < 0 ? sql.Length : found + mark.Length;
    }
}
