namespace Tidemark.Sqlite;

/// <summary>Names and literals in SQL text.</summary>
public static class SqlName
{
    /// <summary>A name in double quotes; quotes within are doubled.</summary>
    /// <exception cref="ArgumentException">The name holds a NUL, which ends SQL text.</exception>
    public static string Quote(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        RefuseNul(name);
        return '"' + name.Replace("\"", "\"\"", StringComparison.Ordinal) + '"';
    }

    /// <summary>A text literal in single quotes.</summary>
    /// <exception cref="ArgumentException">The text holds a NUL, which ends SQL text.</exception>
    public static string Literal(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        RefuseNul(text);
        return '\'' + text.Replace("'", "''", StringComparison.Ordinal) + '\'';
    }

    /// <summary>How SQLite compares names: ASCII letters without case, everything else as it is.</summary>
    public static StringComparer Comparer => StringComparer.OrdinalIgnoreCase;

    private static void RefuseNul(string text)
    {
        if (text.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException("A NUL cannot stand in SQL text.", nameof(text));
        }
    }
}
