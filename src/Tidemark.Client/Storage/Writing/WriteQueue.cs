using Microsoft.Data.Sqlite;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage.Writing;

/// <summary>
/// The single writer of a database file. Every queue that is opened on a file in this process, however its path is spelt,
/// shares one order and one connection. Works that wait together are committed together, each in its savepoint, and no
/// caller's task completes before that commit is as durable as the connection makes it.
/// </summary>
/// <remarks>
/// A work may be run more than once (never after it was committed), so it should do nothing but use the connection it is
/// given. It must not wait for another work of the same file.
/// </remarks>
public sealed class WriteQueue : IAsyncDisposable
{
    private readonly WriteLane _lane;
    private ClosingItem? _closing;

    private WriteQueue(WriteLane lane)
    {
        _lane = lane;
    }

    /// <summary>The one name of the file: absolute, symbolic links resolved.</summary>
    public string Path => _lane.Path;

    /// <summary>Raised on any thread after a commit of any queue of the file in this process. Handlers return at once.</summary>
    internal event Action? Committed
    {
        add => _lane.Committed += value;
        remove => _lane.Committed -= value;
    }

    /// <summary>Commits made through all queues of the file so far.</summary>
    internal int Commits => _lane.Commits;

    /// <summary>
    /// A queue on this file. The connection is opened when the first work is run, and again when one was lost. While
    /// several queues are open on one file, the first one's scheduler and clock are used, and the connection of the
    /// last one that was opened before a connection was needed.
    /// </summary>
    /// <param name="path">The database file; it need not exist.</param>
    /// <param name="openConnection">Opens a connection that may write and whose busy timeout is set; the queue disposes it and takes its commit hook.</param>
    /// <param name="scheduler">Where works are run. Default: the thread pool.</param>
    /// <param name="time">Measures how long a commit may collect works. Default: the system's.</param>
    public static WriteQueue Open(string path, Func<SqliteConnection> openConnection, TaskScheduler? scheduler = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(openConnection);
        var file = SqliteFile.CanonicalPath(path);
        return new WriteQueue(WriteLanes.Enter(file, openConnection, scheduler ?? TaskScheduler.Default, time ?? TimeProvider.System));
    }

    /// <summary>
    /// Runs the work in a transaction. What it throws rolls it back and reaches this caller alone; trouble of SQLite
    /// arrives as a <see cref="StoreException"/>.
    /// </summary>
    /// <param name="work">Must not end the transaction: that is refused and the work rolled back.</param>
    /// <param name="cancellationToken">Heeded until the work starts.</param>
    /// <exception cref="StoreException">Busy (retryable): another process held the lock for longer than the busy timeout.</exception>
    /// <exception cref="InvalidOperationException">The work ended the transaction.</exception>
    public Task<T> RunAsync<T>(Func<SqliteConnection, T> work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(work);
        return Enqueue(new WorkItem<T>(_lane.Path, work), cancellationToken);
    }

    /// <summary>Takes no more works; completes when those already taken are done. The last queue of a file closes the connection.</summary>
    public ValueTask DisposeAsync()
    {
        var closing = new ClosingItem();
        var first = Interlocked.CompareExchange(ref _closing, closing, null);
        if (first is not null)
        {
            return new ValueTask(first.Task);
        }

        _ = _lane.TryEnqueue(closing, static () => true);
        return new ValueTask(closing.Task);
    }

    private Task<T> Enqueue<T>(WorkItem<T> item, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<T>(cancellationToken);
        }

        item.CancelWith(cancellationToken);

        // Asked under the lane's lock, so that nothing gets in behind the item that closes this queue.
        if (!_lane.TryEnqueue(item, () => Volatile.Read(ref _closing) is null))
        {
            _ = item.TryStart();
            throw new ObjectDisposedException(nameof(WriteQueue));
        }

        return item.Task;
    }
}
