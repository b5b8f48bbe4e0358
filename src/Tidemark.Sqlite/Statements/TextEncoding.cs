using System.Runtime.CompilerServices;
using SQLitePCL;

namespace Tidemark.Sqlite;

/// <summary>How a database stores its text; asked once for each connection, as soon as the file has a first page that says so.</summary>
internal static class TextEncoding
{
    private static readonly ConditionalWeakTable<sqlite3, Answer> Answers = [];

    public static bool IsUtf8(sqlite3 db)
    {
        if (Answers.TryGetValue(db, out var known))
        {
            return known.IsUtf8;
        }

        if (Ask(db, "PRAGMA page_count") is null or "0")
        {
            return false; // Of an empty file the encoding can still be chosen.
        }

        var isUtf8 = string.Equals(Ask(db, "PRAGMA encoding"), "UTF-8", StringComparison.Ordinal);
        Answers.AddOrUpdate(db, new Answer(isUtf8));
        return isUtf8;
    }

    // Not through a RawStatement, which asks here itself. A file that cannot be read is told by the statement that was wanted.
    private static string? Ask(sqlite3 db, string sql)
    {
        if (raw.sqlite3_prepare_v2(db, sql, out var statement) != raw.SQLITE_OK)
        {
            return null;
        }

        using (statement)
        {
            return raw.sqlite3_step(statement) == raw.SQLITE_ROW ? raw.sqlite3_column_text(statement, 0).utf8_to_string() : null;
        }
    }

    private sealed record Answer(bool IsUtf8);
}
