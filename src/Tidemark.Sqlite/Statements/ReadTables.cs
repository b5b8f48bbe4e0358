using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Tidemark.Sqlite;

/// <summary>
/// Learns from SQLite which tables statements read: it asks for permission while it prepares them. Statements prepared before, or kept elsewhere, are prepared anew
/// when they are run. Names are as they are spelt in the schema; views stand beside the tables they read.
/// </summary>
public static class ReadTables
{
    private const int ReadAction = 20;

    /// <summary>Runs the work and adds the names of all tables and views of the main database that its statements read.</summary>
    public static T Collect<T>(SqliteConnection connection, ISet<string> names, Func<SqliteConnection, T> work)
    {
        ArgumentNullException.ThrowIfNull(names);
        ArgumentNullException.ThrowIfNull(work);
        var db = RawStatement.HandleOf(connection);
        strdelegate_authorizer collect = (_, action, table, _, database, _) =>
        {
            if (action == ReadAction && table is { Length: > 0 } && database is null or "main")
            {
                names.Add(table!);
            }

            return raw.SQLITE_OK;
        };
        SqliteTrouble.Check(db, raw.sqlite3_set_authorizer(db, collect, null));
        try
        {
            return work(connection);
        }
        finally
        {
            SqliteTrouble.Check(db, raw.sqlite3_set_authorizer(db, (strdelegate_authorizer?)null, null));
        }
    }
}
