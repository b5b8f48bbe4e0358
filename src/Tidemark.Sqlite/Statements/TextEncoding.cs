using System.Runtime.CompilerServices;
using SQLitePCL;

namespace Tidemark.Sqlite;

/// <summary>How a database stores its text; asked once for each connection.</summary>
internal static class TextEncoding
{
    private static readonly ConditionalWeakTable<sqlite3, Answer> Answers = [];

    public static bool IsUtf8(sqlite3 db) => Answers.GetValue(db, static d => new Answer(Ask(d))).IsUtf8;

    // Not through a RawStatement, which asks here itself. A file that cannot be read is told by the statement that was wanted.
    private static bool Ask(sqlite3 db)
    {
        if (raw.sqlite3_prepare_v2(db, "PRAGMA encoding", out var statement) != raw.SQLITE_OK)
        {
            return false;
        }

        using (statement)
        {
            return raw.sqlite3_step(statement) == raw.SQLITE_ROW && string.Equals(raw.sqlite3_column_text(statement, 0).utf8_to_string(), "UTF-8", StringComparison.Ordinal);
        }
    }

    private sealed record Answer(bool IsUtf8);
}
