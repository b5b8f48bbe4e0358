using System.Runtime.CompilerServices;
using Tidemark.Client.Environment;

namespace Tidemark.Client.Coordination.Scheduling;

/// <summary>
/// Orders everything that syncs in this process: who waits for it first, then who came first; bounded use of network and SQLite; equal waiting tasks are one.
/// However urgent the others are, a waiting task is overtaken by a bounded number of them. Work runs on the environment's scheduler, never on the caller's thread.
/// </summary>
public sealed class SyncScheduler
{
    private static readonly ConditionalWeakTable<SyncEnvironment, SyncScheduler> Shared = [];
    private readonly Lock _lock = new();
    private readonly List<WaitingTask> _waiting = [];
    private readonly SyncEnvironment _environment;
    private readonly SchedulerLimits _limits;
    private long _number;
    private int _network;
    private readonly Dictionary<string, int> _sqlite = new(StringComparer.Ordinal);

    public SyncScheduler(SyncEnvironment environment, SchedulerLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(environment);
        _environment = environment;
        _limits = limits ?? new SchedulerLimits();
        ArgumentOutOfRangeException.ThrowIfLessThan(_limits.NetworkMax, 1, nameof(limits));
        ArgumentOutOfRangeException.ThrowIfLessThan(_limits.SqliteMax, 1, nameof(limits));
        ArgumentOutOfRangeException.ThrowIfNegative(_limits.OvertakenMax, nameof(limits));
    }

    internal long Stamp => _environment.Time.GetTimestamp();

    /// <summary>The one that all services of an environment share.</summary>
    public static SyncScheduler Of(SyncEnvironment environment) => Shared.GetValue(environment, static e => new SyncScheduler(e));

    /// <summary>Tasks that wait for their turn.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>
    /// Runs the work when its turn has come. A waiting task of the same kind and key is joined: its work is done once, for both. The token ends this caller's wait;
    /// the work is cancelled when nobody waits for it any more.
    /// </summary>
    /// <exception cref="InvalidOperationException">Too many tasks are waiting.</exception>
    public async Task<T> RunAsync<T>(SyncTask task, Func<SyncTurn, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(work);
        cancellationToken.ThrowIfCancellationRequested();
        WaitingTask mine;
        lock (_lock)
        {
            mine = Joined(task) ?? Added(task, async (turn, token) => await work(turn, token).ConfigureAwait(false));
            mine.Join(task.Priority);
        }

        StartDue();
        try
        {
            return (T)(await mine.End.Task.WaitAsync(cancellationToken).ConfigureAwait(false))!;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested && !mine.End.Task.IsCompleted)
        {
            if (await LeaveAsync(mine).ConfigureAwait(false) is { } result)
            {
                return (T)result;
            }

            throw;
        }
    }

    internal bool IsOver(long since) => _environment.Time.GetElapsedTime(since) >= _limits.Slice;

    // The task that runs is put back among the waiting ones, unless it would be the next one anyway.
    internal async Task<bool> GiveWayAsync(WaitingTask task)
    {
        lock (_lock)
        {
            if (!_waiting.Exists(w => GoesBefore(w, task) && Compete(w, task) && !AreOneWork(w, task)))
            {
                return false;
            }

            task.GoesOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Use(task.Task, -1);
            _waiting.Add(task);
        }

        var goesOn = task.GoesOn.Task;
        StartDue();
        await goesOn.ConfigureAwait(false);
        return true;
    }

    private WaitingTask? Joined(SyncTask task) =>
        task.Key is null ? null : _waiting.Find(w => w.GoesOn is null && w.Task.Kind == task.Kind && w.Task.Key == task.Key && w.Task.File == task.File && w.Task.Needs == task.Needs);

    private WaitingTask Added(SyncTask task, Func<SyncTurn, CancellationToken, Task<object?>> work)
    {
        if (_waiting.Count >= _limits.WaitingMax)
        {
            throw new InvalidOperationException($"{_waiting.Count} tasks are waiting already; the limit is {nameof(SchedulerLimits)}.{nameof(SchedulerLimits.WaitingMax)}.");
        }

        var added = new WaitingTask(task, ++_number, work);
        _waiting.Add(added);
        return added;
    }

    // The last one to leave takes the work along; one that runs is waited for, so that nothing goes on behind the caller's back.
    private async Task<object?> LeaveAsync(WaitingTask task)
    {
        bool isLast;
        lock (_lock)
        {
            isLast = --task.Waiters == 0;
            if (isLast && task.GoesOn is null && _waiting.Remove(task))
            {
                task.End.TrySetCanceled();
            }
        }

        if (!isLast)
        {
            return null;
        }

        task.Cancel();
        StartDue();
        await ((Task)task.End.Task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return task.End.Task.IsCompletedSuccessfully ? task.End.Task.Result : null;
    }

    private void StartDue()
    {
        while (true)
        {
            WaitingTask? next;
            lock (_lock)
            {
                next = Next();
                if (next is null)
                {
                    return;
                }

                _waiting.Remove(next);
                Use(next.Task, 1);
                foreach (var passed in _waiting.Where(w => w.Number < next.Number && Compete(w, next)))
                {
                    passed.Overtaken++;
                }
            }

            if (next.GoesOn is { } goesOn)
            {
                next.GoesOn = null;
                goesOn.SetResult();
            }
            else
            {
                _ = Task.Factory.StartNew(() => RunAsync(next), CancellationToken.None, TaskCreationOptions.DenyChildAttach, _environment.Scheduler);
            }
        }
    }

    // What an overtaken one needs is kept for it; beside the others, whatever fits may run.
    private WaitingTask? Next()
    {
        var isNetworkKept = false;
        var filesKept = new HashSet<string>(StringComparer.Ordinal);
        foreach (var task in _waiting.Order(Comparer<WaitingTask>.Create((a, b) => a == b ? 0 : GoesBefore(a, b) ? -1 : 1)))
        {
            var (network, sqlite, file) = (task.Task.Needs.HasFlag(SyncResources.Network), task.Task.Needs.HasFlag(SyncResources.Sqlite), FileOf(task.Task));
            var mustWait = (network && (isNetworkKept || _network >= _limits.NetworkMax)) || (sqlite && (filesKept.Contains(file) || _sqlite.GetValueOrDefault(file) >= _limits.SqliteMax));
            if (IsBehindItsOwn(task))
            {
                continue; // Nothing is kept for it: that one would wait for what is kept.
            }

            if (!mustWait)
            {
                return task;
            }

            if (IsOvertaken(task))
            {
                isNetworkKept |= network;
                _ = sqlite && filesKept.Add(file);
            }
        }

        return null;
    }

    // A task that has begun and gave way holds what another one of its kind on its file would wait for.
    private bool IsBehindItsOwn(WaitingTask task) => task.GoesOn is null && _waiting.Exists(w => w.GoesOn is not null && AreOneWork(w, task));

    private static bool AreOneWork(WaitingTask a, WaitingTask b) => a.Task.File is { } file && a.Task.Kind == b.Task.Kind && string.Equals(b.Task.File, file, StringComparison.Ordinal);

    private static bool Compete(WaitingTask a, WaitingTask b)
    {
        var both = a.Task.Needs & b.Task.Needs;
        return both.HasFlag(SyncResources.Network) || (both.HasFlag(SyncResources.Sqlite) && FileOf(a.Task) == FileOf(b.Task));
    }

    private static string FileOf(SyncTask task) => task.File ?? "";

    private bool GoesBefore(WaitingTask a, WaitingTask b)
    {
        if (a.Number == b.Number)
        {
            return false;
        }

        if (IsOvertaken(a) || IsOvertaken(b))
        {
            return IsOvertaken(a) && (!IsOvertaken(b) || a.Number < b.Number);
        }

        return a.Task.Priority != b.Task.Priority ? a.Task.Priority > b.Task.Priority : a.Number < b.Number;
    }

    private bool IsOvertaken(WaitingTask task) => task.Overtaken >= _limits.OvertakenMax;

    private void Use(SyncTask task, int count)
    {
        _network += task.Needs.HasFlag(SyncResources.Network) ? count : 0;
        if (task.Needs.HasFlag(SyncResources.Sqlite))
        {
            var used = _sqlite.GetValueOrDefault(FileOf(task)) + count;
            _ = used == 0 ? _sqlite.Remove(FileOf(task)) : (_sqlite[FileOf(task)] = used) > 0;
        }
    }

    private async Task RunAsync(WaitingTask task)
    {
        object? result = null;
        Exception? trouble = null;
        try
        {
            result = await task.Work(new SyncTurn(this, task), task.NobodyWaits).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // whoever asked for the work gets its trouble
        catch (Exception e)
#pragma warning restore CA1031
        {
            trouble = e;
        }

        lock (_lock)
        {
            Use(task.Task, -1);
        }

        if (trouble is OperationCanceledException)
        {
            task.End.TrySetCanceled();
        }
        else if (trouble is not null)
        {
            task.End.TrySetException(trouble);
        }
        else
        {
            task.End.TrySetResult(result);
        }

        StartDue();
    }
}
