using Microsoft.Data.Sqlite;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage.Writing;

/// <summary>Something that waits for its turn.</summary>
internal abstract class LaneItem
{
    /// <summary>The place in the order; set when it is queued.</summary>
    public long Number { get; set; }
}

/// <summary>A queue's end: nothing of that queue comes behind it.</summary>
internal sealed class ClosingItem : LaneItem
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task Task => _done.Task;

    public void Complete() => _done.TrySetResult();
}

/// <summary>A caller's work. Its outcome is held back until <see cref="Complete"/>, for a commit may stand between.</summary>
internal abstract class WorkItem(string file) : LaneItem
{
    private const int Waiting = 0;
    private const int Started = 1;
    private const int GivenUp = 2;
    private CancellationTokenRegistration _cancellation;
    private int _state;

    /// <summary>What the work threw, typed; null when it went well.</summary>
    public Exception? Fault { get; private set; }

    /// <summary>From now on the token ends the wait. Called before the item is queued.</summary>
    public void CancelWith(CancellationToken cancellationToken) =>
        _cancellation = cancellationToken.UnsafeRegister(static (item, token) => ((WorkItem)item!).GiveUp(token), this);

    /// <summary>False when the caller has given up; otherwise the token is heeded no more.</summary>
    public bool TryStart()
    {
        var started = Interlocked.CompareExchange(ref _state, Started, Waiting) == Waiting;
        _cancellation.Unregister();
        return started;
    }

    /// <summary>Runs the work and keeps its outcome; never throws. May be called again.</summary>
    public void Invoke(SqliteConnection connection)
    {
        Fault = null;
        try
        {
            Run(connection);
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    public void Fail(Exception fault) => Fault = fault is SqliteException e ? SqliteTrouble.From(e, file) : fault;

    public abstract void Complete();

    protected abstract void Run(SqliteConnection connection);

    protected abstract void CompleteCanceled(CancellationToken cancellationToken);

    private void GiveUp(CancellationToken cancellationToken)
    {
        if (Interlocked.CompareExchange(ref _state, GivenUp, Waiting) == Waiting)
        {
            CompleteCanceled(cancellationToken);
        }
    }
}

internal sealed class WorkItem<T>(string file, Func<SqliteConnection, T> work) : WorkItem(file)
{
    // Continuations never run within the writer's turn: a caller that blocks must not stop the file.
    private readonly TaskCompletionSource<T> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? _result;

    public Task<T> Task => _outcome.Task;

    public override void Complete()
    {
        switch (Fault)
        {
            case null:
                _outcome.TrySetResult(_result!);
                break;
            case OperationCanceledException e:
                _outcome.TrySetCanceled(e.CancellationToken);
                break;
            default:
                _outcome.TrySetException(Fault);
                break;
        }
    }

    protected override void Run(SqliteConnection connection) => _result = work(connection);

    protected override void CompleteCanceled(CancellationToken cancellationToken) => _outcome.TrySetCanceled(cancellationToken);
}
