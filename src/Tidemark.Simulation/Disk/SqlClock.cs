using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Tidemark.Simulation.Disk;

/// <summary>SQL asks the machine for the time by julianday('now'); on a simulated machine that is the simulated time. Compiled into tests too.</summary>
internal static class SqlClock
{
    private const double UnixEpochDay = 2440587.5;

    public static void Install(SqliteConnection connection, TimeProvider clock) =>
        raw.sqlite3_create_function(connection.Handle, "julianday", 1, raw.SQLITE_UTF8, null, (context, _, _) =>
            raw.sqlite3_result_double(context, UnixEpochDay + ((clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds / 86_400_000.0)));
}
