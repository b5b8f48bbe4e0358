using Microsoft.Data.Sqlite;
using Tidemark.Client.Storage.Writing;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage.Reading;

/// <summary>
/// A bounded set of connections for reading. Each read sees one snapshot; in WAL mode it blocks neither the writer nor
/// other reads. Reads beyond the bound wait in order.
/// </summary>
public sealed class ReadPool : IAsyncDisposable
{
    private readonly string _path;
    private readonly Func<SqliteConnection> _openConnection;
    private readonly int _connectionsMax;
    private readonly TaskScheduler _scheduler;
    private readonly Lock _gate = new();
    private readonly Queue<WorkItem> _waiting = new();
    private readonly Stack<ReadSession> _idle = new();
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _reading;
    private bool _closing;

    /// <param name="path">The database file.</param>
    /// <param name="openConnection">Opens a connection whose busy timeout is set; the pool disposes it and makes it query_only.</param>
    /// <param name="connectionsMax">The most connections, and so the most reads at once.</param>
    /// <param name="scheduler">Where reads are run. Default: the thread pool.</param>
    public ReadPool(string path, Func<SqliteConnection> openConnection, int connectionsMax = 4, TaskScheduler? scheduler = null)
    {
        ArgumentNullException.ThrowIfNull(openConnection);
        ArgumentOutOfRangeException.ThrowIfLessThan(connectionsMax, 1);
        _path = SqliteFile.CanonicalPath(path);
        _openConnection = openConnection;
        _connectionsMax = connectionsMax;
        _scheduler = scheduler ?? TaskScheduler.Default;
    }

    /// <summary>
    /// Runs the read in one snapshot, fixed at its first statement. What it returns must not read on later: everything is
    /// to be read within.
    /// </summary>
    /// <param name="read">Gets a connection that refuses writes.</param>
    /// <param name="cancellationToken">Heeded until the read starts.</param>
    /// <exception cref="StoreException">SQLite refused.</exception>
    public Task<T> ReadAsync<T>(Func<SqliteConnection, T> read, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(read);
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<T>(cancellationToken);
        }

        var item = new WorkItem<T>(_path, read);
        item.CancelWith(cancellationToken);
        lock (_gate)
        {
            if (_closing)
            {
                _ = item.TryStart();
                throw new ObjectDisposedException(nameof(ReadPool));
            }

            _waiting.Enqueue(item);
            if (_reading == _connectionsMax)
            {
                return item.Task;
            }

            _reading++;
        }

        TurnStarter.Start(Turn, _scheduler);
        return item.Task;
    }

    /// <summary>Takes no more reads; completes when those already taken are done and the connections closed.</summary>
    public ValueTask DisposeAsync()
    {
        bool idle;
        lock (_gate)
        {
            _closing = true;
            idle = _reading == 0;
        }

        if (idle)
        {
            Close();
        }

        return new ValueTask(_closed.Task);
    }

    private void Turn()
    {
        try
        {
            if (TryTake(out var item, out var session))
            {
                Read(item!, session);
            }
        }
        finally
        {
            EndTurn();
        }
    }

    private bool TryTake(out WorkItem? item, out ReadSession? session)
    {
        lock (_gate)
        {
            while (_waiting.TryDequeue(out item))
            {
                if (item.TryStart())
                {
                    _ = _idle.TryPop(out session);
                    return true;
                }
            }
        }

        session = null;
        return false;
    }

    private void Read(WorkItem item, ReadSession? session)
    {
        try
        {
            session ??= new ReadSession(_openConnection());
            session.Read(item);
        }
        catch (Exception e)
        {
            // No connection, or no snapshot of it.
            item.Fail(e);
            session?.Dispose();
            session = null;
        }

        if (session is not null)
        {
            if (session.TryRestore())
            {
                lock (_gate)
                {
                    _idle.Push(session);
                }
            }
            else
            {
                session.Dispose();
            }
        }

        item.Complete();
    }

    private void EndTurn()
    {
        bool again, last;
        lock (_gate)
        {
            again = _waiting.Count > 0;
            if (!again)
            {
                _reading--;
            }

            last = _closing && _reading == 0;
        }

        if (again)
        {
            TurnStarter.Start(Turn, _scheduler);
        }
        else if (last)
        {
            Close();
        }
    }

    private void Close()
    {
        lock (_gate)
        {
            while (_idle.TryPop(out var session))
            {
                session.Dispose();
            }
        }

        _closed.TrySetResult();
    }
}
