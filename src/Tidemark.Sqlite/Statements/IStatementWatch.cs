using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Tidemark.Sqlite;

/// <summary>
/// Sees every statement of the connections that were opened with it, before SQLite does. A simulator ends a process
/// between two statements by it, or says that the disk is full.
/// </summary>
public interface IStatementWatch
{
    /// <summary>A connection was opened and set up.</summary>
    void Opened(SqliteConnection connection);

    /// <summary>A statement is about to take a step; what this throws comes out of the step, and SQLite is not asked.</summary>
    void BeforeStep(RawStatement statement);
}

/// <summary>Which connections are watched. A statement asks once, when it is prepared.</summary>
internal static class StatementWatches
{
    private static readonly ConditionalWeakTable<sqlite3, IStatementWatch> Watches = [];
    private static volatile bool _any;

    public static void Attach(sqlite3 db, IStatementWatch watch)
    {
        Watches.AddOrUpdate(db, watch);
        _any = true;
    }

    public static IStatementWatch? Of(sqlite3 db) => _any && Watches.TryGetValue(db, out var watch) ? watch : null;
}
