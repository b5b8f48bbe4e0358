using Microsoft.Extensions.Logging;
using Tidemark.Client.Coordination.Announcing;
using Tidemark.Client.Coordination.Scheduling;
using Tidemark.Client.Coordination.Watching;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Observing;
using Tidemark.Client.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Client.Coordination.Pacing;

/// <summary>One started service: waits for whatever asks for a run, and runs.</summary>
internal sealed class SyncLoop
{
    // Wall time may run ahead of the timers' clock by so much before the machine is taken to have slept.
    private static readonly TimeSpan SleptMin = TimeSpan.FromSeconds(30);

    // The folder tells of a write to the WAL, which is visible to others a moment, or a flush to the disk, later; and of that it tells nothing.
    private static readonly TimeSpan[] LooksAfterWrite = [.. new[] { 10, 40, 150, 500, 2000 }.Select(ms => TimeSpan.FromMilliseconds(ms))];

    // After trouble of the loop's own.
    private static readonly TimeSpan TroublePause = TimeSpan.FromSeconds(30);
    private readonly LocalStore _store;
    private readonly SyncEnvironment _environment;
    private readonly AutomaticOptions _options;
    private readonly SyncCoordinationState _state;
    private readonly SyncStatus _status;
    private readonly Func<PlannedRun, CancellationToken, Task<SyncReport>> _run;
    private readonly Action<Invalidation> _invalidate;
    private readonly HintFollower? _hints;
    private readonly ILogger _log;
    private readonly IConnectivity _connectivity;
    private readonly RunPlanner _planner;
    private readonly Signal _signal = new();
    private readonly HashSet<long> _ownTokens = [];
    private readonly long _started;
    private List<TaskCompletionSource<SyncReport>> _users = [];
    private FileChangeWatch? _watch;
    private IDisposable? _folder;
    private (DateTimeOffset Wall, TimeSpan Timer) _lastWake;
    private int _looksAfterWrite = LooksAfterWrite.Length;
    private bool _isPaused;
    private bool _isOnline;
    private bool _isGateOpen;
    private bool _isBackground;
    private bool _isEnded;

    public SyncLoop(LocalStore store, SyncEnvironment environment, SyncOptions options, SyncCoordinationState state, SyncStatus status,
        Func<PlannedRun, CancellationToken, Task<SyncReport>> run, Action<Invalidation> invalidate, HintFollower? hints, ILogger log)
    {
        _store = store;
        _environment = environment;
        _options = options.Automatic;
        _state = state;
        _status = status;
        _run = run;
        _invalidate = invalidate;
        _hints = hints;
        _log = log;
        _connectivity = _options.Connectivity ?? environment.Connectivity;
        _planner = new RunPlanner(_options);
        _started = environment.Time.GetTimestamp();
        _isGateOpen = _options.GateTimeout == TimeSpan.Zero;
        _isOnline = _connectivity.IsOnline;
        _lastWake = (environment.Now, TimeSpan.Zero);
    }

    private TimeSpan Now => _environment.Time.GetElapsedTime(_started);

    /// <summary>A run that somebody waits for.</summary>
    public Task<SyncReport> AskAsync(SyncMode mode, CancellationToken cancellationToken)
    {
        var end = new TaskCompletionSource<SyncReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        Tell(() =>
        {
            if (_isEnded)
            {
                end.SetCanceled(CancellationToken.None);
                return;
            }

            _planner.Add(SyncTriggers.User, mode);
            _users.Add(end);
        });
        return end.Task.WaitAsync(cancellationToken);
    }

    public void Ask(string trigger) => Tell(() => _planner.Add(trigger, SyncMode.Full));

    public void Pause(bool isPaused) => Tell(() =>
    {
        if (_isPaused && !isPaused)
        {
            _planner.Add(SyncTriggers.Resume, SyncMode.Full);
        }

        _isPaused = isPaused;
    });

    public void OpenGate() => Tell(() => _isGateOpen = true);

    public void SetForeground(bool isForeground) => Tell(() =>
    {
        if (_isBackground && isForeground)
        {
            _planner.Add(SyncTriggers.Foreground, SyncMode.Full);
        }

        _isBackground = !isForeground;
    });

    /// <summary>Looks at the file at once.</summary>
    public void Look() => _signal.Set();

    /// <summary>Until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        _connectivity.Changed += Connected;
        try
        {
            await PrepareAsync(cancellationToken).ConfigureAwait(false);
            _watch = FileChangeWatch.Open(_store, _environment.Statements);
            _folder = _environment.WatchFile(_store.Path, () => Tell(() => _looksAfterWrite = 0));
            if (_folder is null)
            {
                _log.NoFolderWatch(_options.LookInterval.TotalMilliseconds);
            }

            Tell(() => _planner.Add(SyncTriggers.Start, SyncMode.Full));
            while (!cancellationToken.IsCancellationRequested)
            {
                await TurnAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            await FollowHintsAsync(isWanted: false).ConfigureAwait(false);
            _connectivity.Changed -= Connected;
            _folder?.Dispose();
            _watch?.Dispose();
            lock (_planner)
            {
                _isEnded = true;
                _users.ForEach(u => u.TrySetCanceled(CancellationToken.None));
                _users.Clear();
            }

            _status.Are(SyncActivity.Stopped);
        }
    }

    // No sync before it, however often it fails.
    private async Task PrepareAsync(CancellationToken cancellationToken)
    {
        while (_options.Prepare is { } prepare)
        {
            try
            {
                await prepare(_store, cancellationToken).ConfigureAwait(false);
                return;
            }
#pragma warning disable CA1031 // the app's fault: it stands in the log and is tried again
            catch (Exception e) when (e is not OperationCanceledException)
#pragma warning restore CA1031
            {
                _log.LoopFailed(e);
                await _environment.DelayAsync(TroublePause, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task TurnAsync(CancellationToken cancellationToken)
    {
        TimeSpan? wait;
        try
        {
            SyncSources.WakeUps.Add(1);
            NoteSleep();
            LookAtFile();
            wait = await StepAsync(cancellationToken).ConfigureAwait(false);
            if (wait == TimeSpan.Zero)
            {
                return;
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
#pragma warning disable CA1031 // the top of the loop: what a run reports is not thrown, so this is the file in trouble, or a fault of the loop
        catch (Exception e)
#pragma warning restore CA1031
        {
            _log.LoopFailed(e);
            wait = TroublePause;
        }

        await _signal.WaitAsync(wait, _environment, cancellationToken).ConfigureAwait(false);
    }

    // Zero: a run was made, look again.
    private async Task<TimeSpan?> StepAsync(CancellationToken cancellationToken)
    {
        var conditions = await ReadConditionsAsync(cancellationToken).ConfigureAwait(false);
        Plan plan;
        List<TaskCompletionSource<SyncReport>> users = [];
        TimeSpan gateIn;
        bool isStuck;
        lock (_planner)
        {
            conditions = conditions with { IsPaused = _isPaused, IsGateOpen = _isGateOpen || Now >= _options.GateTimeout, IsForeground = !_isBackground };
            isStuck = _planner.IsStuck;
            gateIn = conditions.IsGateOpen ? TimeSpan.MaxValue : _options.GateTimeout - Now;
            if (_hints?.Gate.IsDue == true)
            {
                _planner.Add(SyncTriggers.Hint, SyncMode.Full); // Not when it comes: the run under way may pull it.
            }

            plan = _planner.Next(Now, conditions);
            if (plan.Run is { } planned)
            {
                _planner.Started(planned);
                (users, _users) = planned.Trigger == SyncTriggers.User ? (_users, []) : (users, _users);
            }
        }

        await FollowHintsAsync(conditions is { IsPaused: false, IsOnline: true, IsGateOpen: true } && !isStuck && (conditions.IsForeground || _options.FollowsHintsInBackground)).ConfigureAwait(false);
        if (plan.Run is { } run)
        {
            await RunOneAsync(run, users, cancellationToken).ConfigureAwait(false);
            return TimeSpan.Zero;
        }

        _status.Are(conditions.IsPaused ? SyncActivity.Paused : conditions.IsOnline ? SyncActivity.Idle : SyncActivity.Offline);
        var wait = Min(plan.Wait ?? TimeSpan.MaxValue, gateIn);
        wait = _folder is null ? Min(wait, _options.LookInterval) : Min(wait, NextLook());
        return wait == TimeSpan.MaxValue ? null : wait;
    }

    private Task FollowHintsAsync(bool isWanted) => _hints?.WantAsync(isWanted, _signal.Set) ?? Task.CompletedTask;

    private TimeSpan NextLook()
    {
        lock (_planner)
        {
            return _looksAfterWrite < LooksAfterWrite.Length ? LooksAfterWrite[_looksAfterWrite++] : TimeSpan.MaxValue;
        }
    }

    private async Task RunOneAsync(PlannedRun run, List<TaskCompletionSource<SyncReport>> users, CancellationToken cancellationToken)
    {
        _status.Are(SyncActivity.Running);
        try
        {
            var report = await _run(run, cancellationToken).ConfigureAwait(false);
            lock (_planner)
            {
                if (report.LockToken is { } token)
                {
                    _ownTokens.Add(token);
                }

                _planner.Ended(Now, run, report.Outcome == SyncOutcome.Failed, report.Error is not { } error || IsWorthRepeating(error), report.Outcome == SyncOutcome.Done && report.Pull.HasMore);
            }

            users.ForEach(u => u.TrySetResult(report));
        }
        catch (OperationCanceledException e)
        {
            users.ForEach(u => u.TrySetCanceled(e.CancellationToken));
            throw;
        }
        catch (Exception e)
        {
            users.ForEach(u => u.TrySetException(e));
            throw;
        }
    }

    // What only a person can change is not tried again by itself.
    private static bool IsWorthRepeating(SyncException error) =>
        error.Retryable || error.Code is not (SyncErrorCode.AuthFailed or SyncErrorCode.WrongUser or SyncErrorCode.DeviceRevoked or SyncErrorCode.ModelMismatch
            or SyncErrorCode.SpaceNotFound or SyncErrorCode.SchemaMismatch or SyncErrorCode.DeleteLimit);

    private Task<Conditions> ReadConditionsAsync(CancellationToken cancellationToken)
    {
        var holds = (_options.BulkNeedsUnmetered && _connectivity.IsMetered) || (_options.BulkNeedsPower && !_connectivity.HasPower);
        return _store.EngineAsync(
            () =>
            {
                var (left, isOfNetwork) = _state.Backoff();
                var last = _state.LastRuns();
                return Task.FromResult(new Conditions
                {
                    IsOnline = _isOnline,
                    HoldsBulk = holds && _state.IsFullFetchDue(),
                    BackoffLeft = left,
                    IsBackoffOfNetwork = isOfNetwork,
                    SinceLastRun = last.Count == 0 ? null : _environment.Now - last.Values.Max(),
                });
            },
            cancellationToken);
    }

    private void LookAtFile()
    {
        FileNews? news;
        lock (_planner)
        {
            try
            {
                news = _watch!.Look(_ownTokens.Contains);
            }
            catch (StoreException)
            {
                return; // Busy or in trouble: a run will say so.
            }

            _ownTokens.Clear();
            _looksAfterWrite = news is null || _looksAfterWrite == LooksAfterWrite.Length ? _looksAfterWrite : 0; // Another write may have been told of meanwhile.
            if (news?.HasNewNotes == true)
            {
                _planner.Changed(Now);
            }
        }

        if (news is null)
        {
            return;
        }

        _log.FileChanged(news.HasNewNotes, news.IsAll, news.Waiting);
        _status.Wait(news.Waiting);
        var types = news.IsAll ? _store.Model.Entities.Select(e => e.Name).Order(StringComparer.Ordinal) : news.Types.AsEnumerable();
        if (types.Any())
        {
            _invalidate(new Invalidation(InvalidationSource.Elsewhere, [.. types.Select(t => new TypeInvalidation(t, null, []))]));
        }
    }

    // While a machine sleeps its timers stand still and its wall clock does not.
    private void NoteSleep()
    {
        var (wall, timer) = (_environment.Now, Now);
        if (wall - _lastWake.Wall - (timer - _lastWake.Timer) >= SleptMin)
        {
            Tell(() => _planner.Add(SyncTriggers.Foreground, SyncMode.Full));
        }

        _lastWake = (wall, timer);
    }

    private void Connected(object? sender, EventArgs e)
    {
        var isOnline = _connectivity.IsOnline;
        Tell(() =>
        {
            if (isOnline && !_isOnline)
            {
                _planner.Add(SyncTriggers.Reconnect, SyncMode.Full);
            }

            _isOnline = isOnline;
        });
    }

    private void Tell(Action what)
    {
        lock (_planner)
        {
            what();
        }

        _signal.Set();
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
