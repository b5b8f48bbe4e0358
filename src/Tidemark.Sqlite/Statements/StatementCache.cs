using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Tidemark.Sqlite;

/// <summary>
/// The prepared statements of one connection. <see cref="Get"/> lends one out, its Dispose brings it back; a statement
/// that is lent already is prepared a second time, so that nested use is safe. Not for two threads at once.
/// </summary>
public sealed class StatementCache : IDisposable
{
    private readonly sqlite3 _db;
    private readonly int _idleStatementsMax;
    private readonly Dictionary<string, RawStatement> _idle = new(StringComparer.Ordinal);
    private bool _disposed;

    /// <param name="connection">An open connection; the cache is disposed before it.</param>
    /// <param name="idleStatementsMax">How many statements are kept; what comes back beyond that is closed.</param>
    public StatementCache(SqliteConnection connection, int idleStatementsMax = 512)
    {
        _db = RawStatement.HandleOf(connection);
        _idleStatementsMax = idleStatementsMax;
    }

    public RawStatement Get(string sql)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _idle.Remove(sql, out var statement) ? statement : new RawStatement(_db, sql, this);
    }

    /// <summary>Runs one statement to its end; how many rows it changed.</summary>
    public int Execute(string sql)
    {
        using var statement = Get(sql);
        return statement.Execute();
    }

    public void Dispose()
    {
        _disposed = true;
        foreach (var statement in _idle.Values)
        {
            statement.Close();
        }

        _idle.Clear();
    }

    internal bool TakeBack(RawStatement statement) =>
        !_disposed && _idle.Count < _idleStatementsMax && _idle.TryAdd(statement.Sql, statement);
}
