namespace Tidemark.Client.Coordination.Scheduling;

/// <summary>One task of the scheduler with everybody who waits for its end. Guarded by the scheduler's lock.</summary>
internal sealed class WaitingTask(SyncTask task, long number, Func<SyncTurn, CancellationToken, Task<object?>> work)
{
    private readonly CancellationTokenSource _nobodyWaits = new();

    public SyncTask Task { get; private set; } = task;

    /// <summary>Its place in the order of arrival.</summary>
    public long Number => number;

    /// <summary>By how many later ones it was overtaken.</summary>
    public int Overtaken { get; set; }

    public int Waiters { get; set; }

    public Func<SyncTurn, CancellationToken, Task<object?>> Work => work;

    /// <summary>Continuations run elsewhere, never under the scheduler's lock.</summary>
    public TaskCompletionSource<object?> End { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Set while a task that has begun waits to go on.</summary>
    public TaskCompletionSource? GoesOn { get; set; }

    public CancellationToken NobodyWaits => _nobodyWaits.Token;

    public void Join(SyncTaskPriority priority)
    {
        Waiters++;
        Task = priority > Task.Priority ? Task with { Priority = priority } : Task;
    }

    public void Cancel() => _nobodyWaits.Cancel();

}

/// <summary>The turn of a task that runs.</summary>
public sealed class SyncTurn
{
    private readonly SyncScheduler _scheduler;
    private readonly WaitingTask _task;
    private long _since;

    internal SyncTurn(SyncScheduler scheduler, WaitingTask task)
    {
        _scheduler = scheduler;
        _task = task;
        _since = scheduler.Stamp;
    }

    /// <summary>Between two pieces of long work: once the slice is over, lets a task that goes first do so, and comes back when its own turn is there again.</summary>
    /// <returns>True when another one was let through.</returns>
    public async Task<bool> GiveWayAsync()
    {
        if (!_scheduler.IsOver(_since))
        {
            return false;
        }

        var gaveWay = await _scheduler.GiveWayAsync(_task).ConfigureAwait(false);
        _since = _scheduler.Stamp;
        return gaveWay;
    }
}
