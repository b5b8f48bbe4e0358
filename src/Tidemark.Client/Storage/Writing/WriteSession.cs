using System.Globalization;
using Microsoft.Data.Sqlite;
using SQLitePCL;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage.Writing;

/// <summary>How a work of a group ended.</summary>
internal enum WorkEnd
{
    /// <summary>Kept, or rolled back because it threw; the group goes on.</summary>
    Kept,

    /// <summary>Rolled back: it would have hurt the others. It is to be run alone.</summary>
    Offended,

    /// <summary>The whole transaction is gone, by the work or by SQLite (disk full, I/O error).</summary>
    TransactionGone,
}

/// <summary>The lane's connection: its transaction, savepoints and what must not be changed on it.</summary>
/// <remarks>
/// The commit hook refuses every commit but the lane's own. Without it a work that says COMMIT would commit the works
/// before it, and running those again would apply them twice. That a transaction was rolled back shows by the savepoint:
/// its name is no other session's. (The provider's rollback hook ends the process.)
/// </remarks>
internal sealed class WriteSession : IDisposable
{
    private const int BusySnapshot = 517;
    private static long _sessions;
    private readonly SqliteConnection _connection;
    private readonly sqlite3 _db;
    private readonly StatementCache _statements;
    private readonly ConnectionSettings _settings;
    private readonly string _savepoint;
    private readonly string _release;
    private readonly string _rollbackTo;
    private bool _mayCommit;

    public WriteSession(SqliteConnection connection)
    {
        _connection = connection;
        _db = connection.Handle ?? throw new InvalidOperationException("The connection must be open.");
        _statements = new StatementCache(connection);
        _settings = new ConnectionSettings(connection, _statements);
        raw.sqlite3_commit_hook(_db, OnCommit, this);
        var number = Interlocked.Increment(ref _sessions).ToString(CultureInfo.InvariantCulture);
        _savepoint = $"SAVEPOINT _tm_work_{number}";
        _release = $"RELEASE _tm_work_{number}";
        _rollbackTo = $"ROLLBACK TO _tm_work_{number}";
    }

    /// <summary>False when this connection holds on to an old snapshot and can never begin.</summary>
    public bool TryBegin()
    {
        try
        {
            Begin();
            return true;
        }
        catch (StoreException e) when (e.ResultCode == BusySnapshot)
        {
            return false;
        }
    }

    public void Begin() => _statements.Execute("BEGIN IMMEDIATE");

    public WorkEnd RunInGroup(WorkItem item)
    {
        try
        {
            _statements.Execute(_savepoint);
            item.Invoke(_connection);
            if (IsGone())
            {
                return WorkEnd.TransactionGone;
            }

            // Synchronous and foreign_keys cannot be changed within a transaction; the rest is compared before the commit.
            var offends = item.Fault is null && (HasOpenReferences() || _settings.DefersForeignKeys());
            if (offends || item.Fault is not null)
            {
                _statements.Execute(_rollbackTo);
                _settings.StopDeferring();
            }

            _statements.Execute(_release);
            return offends ? WorkEnd.Offended : WorkEnd.Kept;
        }
        catch (StoreException)
        {
            // The savepoint cannot be set, left or undone: a statement is still writing, or the file is in trouble.
            return WorkEnd.TransactionGone;
        }
    }

    /// <summary>False when the commit failed, or when a work changed settings under which the others ran; nothing was written then.</summary>
    public bool TryCommitGroup()
    {
        if (!_settings.AreAsOpened())
        {
            return false;
        }

        try
        {
            Commit();
            return true;
        }
        catch (StoreException)
        {
            return false;
        }
    }

    /// <summary>Runs the work in the transaction just begun and ends that. True when it was committed; else the item has the fault.</summary>
    public bool RunAlone(WorkItem item)
    {
        try
        {
            _statements.Execute(_savepoint);
            item.Invoke(_connection);
            if (IsGone() || (item.Fault is null && !TryRelease()))
            {
                // What SQLite itself ended (disk full, I/O error) has its own name.
                if (item.Fault is not StoreException { IsConstraint: false })
                {
                    item.Fail(new InvalidOperationException("A work must not end the write queue's transaction, nor leave a statement writing; it was rolled back.", item.Fault));
                }

                return false;
            }

            if (item.Fault is not null)
            {
                return false;
            }

            Commit();
            return true;
        }
        catch (StoreException e)
        {
            item.Fail(e);
            return false;
        }
    }

    /// <summary>No transaction, and the settings as they were at first. False when this connection is better given up.</summary>
    public bool TryRestore()
    {
        try
        {
            if (_connection.Handle != _db)
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
    }

    /// <summary>Rolls an open transaction back and closes the connection.</summary>
    public void Dispose()
    {
        if (_connection.Handle == _db && !_connection.IsAutocommit())
        {
            _ = raw.sqlite3_exec(_db, "ROLLBACK");
        }

        _statements.Dispose();
        _connection.Dispose();
    }

    private static int OnCommit(object session) => ((WriteSession)session)._mayCommit ? 0 : 1;

    private bool HasOpenReferences()
    {
        SqliteTrouble.Check(_db, raw.sqlite3_db_status(_db, raw.SQLITE_DBSTATUS_DEFERRED_FKS, out var open, out _, 0));
        return open != 0;
    }

    private bool IsGone() => _connection.Handle != _db || _connection.IsAutocommit();

    /// <summary>False when the savepoint is not there: the work ended the transaction and began another one.</summary>
    private bool TryRelease()
    {
        try
        {
            _statements.Execute(_release);
            return true;
        }
        catch (StoreException)
        {
            return false;
        }
    }

    private void Commit()
    {
        _mayCommit = true;
        try
        {
            _statements.Execute("COMMIT");
        }
        finally
        {
            _mayCommit = false;
        }
    }
}
