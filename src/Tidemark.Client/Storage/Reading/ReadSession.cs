using Microsoft.Data.Sqlite;
using SQLitePCL;
using Tidemark.Client.Storage.Writing;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage.Reading;

/// <summary>One connection of the pool.</summary>
internal sealed class ReadSession : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly sqlite3 _db;
    private readonly StatementCache _statements;
    private readonly ConnectionSettings _settings;

    public ReadSession(SqliteConnection connection)
    {
        _connection = connection;
        _db = connection.Handle ?? throw new InvalidOperationException("The connection must be open.");
        _db.enable_sqlite3_next_stmt(true);
        _statements = new StatementCache(connection);
        _statements.Execute("PRAGMA query_only=1");
        _settings = new ConnectionSettings(connection, _statements);
    }

    /// <summary>Runs the read between BEGIN and ROLLBACK; its outcome is kept in the item.</summary>
    public void Read(WorkItem item)
    {
        _statements.Execute("BEGIN DEFERRED");
        item.Invoke(_connection);
    }

    /// <summary>False when the connection is better given up: a read left a statement open, and with it its snapshot.</summary>
    public bool TryRestore()
    {
        try
        {
            if (HasOpenStatement())
            {
                return false;
            }

            if (!_connection.IsAutocommit())
            {
                _statements.Execute("ROLLBACK");
            }

            _settings.Restore();
            return true;
        }
        catch (StoreException)
        {
            return false;
        }
        catch (InvalidOperationException)
        {
            // The read closed the connection.
            return false;
        }
    }

    public void Dispose()
    {
        _statements.Dispose();
        _connection.Dispose();
    }

    private bool HasOpenStatement()
    {
        for (var statement = raw.sqlite3_next_stmt(_db, null); statement is not null; statement = raw.sqlite3_next_stmt(_db, statement))
        {
            if (raw.sqlite3_stmt_busy(statement) != 0)
            {
                return true;
            }
        }

        return false;
    }
}
