using Microsoft.Extensions.Logging;
using Tidemark.Client.Coordination;
using Tidemark.Client.Coordination.Announcing;
using Tidemark.Client.Coordination.Pacing;
using Tidemark.Client.Coordination.Scheduling;
using Tidemark.Client.Coordination.Several;
using Tidemark.Client.Engines;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Inspection;
using Tidemark.Client.Observing;
using Tidemark.Client.Remotes;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage;

namespace Tidemark.Client;

/// <summary>
/// Syncs one store with one remote, or with several: single runs when asked, or by itself once it is started. Runs of one file wait for each other, in this process and in others.
/// Events are raised on the synchronization context the service was made on, where there was one.
/// </summary>
public sealed class DataSyncService : IDisposable
{
    private readonly LocalStore _store;
    private readonly IRemote? _remote;
    private readonly IReadOnlyList<NamedRemote> _remotes;
    private readonly SyncEnvironment _environment;
    private readonly SyncOptions _options;
    private readonly RemoteConnection? _connection;
    private readonly SyncCoordinationState _state;
    private readonly Announcer _announcer;
    private readonly HintGate _gate = new();
    private readonly SessionGate _session;
    private readonly ILiveHints? _hints;
    private readonly ILogger _log;
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _oneRun = new(1, 1);
    private SyncLoop? _loop;
    private Task _looping = Task.CompletedTask;
    private CancellationTokenSource? _stopping;

    /// <exception cref="ArgumentException">The store's model names custom merges that <see cref="StoreOptions.Merges"/> has not, or the options have faults.</exception>
    public DataSyncService(LocalStore store, IRemote remote, SyncOptions options, SyncEnvironment environment)
        : this(store, remote ?? throw new ArgumentNullException(nameof(remote)), [], options, environment)
    {
    }

    /// <summary>For a file with several remotes: each run is one cycle over all of them. Those that the file names and that are not given here are absent.</summary>
    /// <exception cref="ArgumentException">No remote, or one that the file does not name (<see cref="SeveralRemotes"/>); the options have faults.</exception>
    public DataSyncService(LocalStore store, IReadOnlyList<NamedRemote> remotes, SyncOptions options, SyncEnvironment environment)
        : this(store, null, remotes ?? throw new ArgumentNullException(nameof(remotes)), options, environment)
    {
    }

    private DataSyncService(LocalStore store, IRemote? remote, IReadOnlyList<NamedRemote> remotes, SyncOptions options, SyncEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(environment);
        store.EngineSession.Merges.Check(store.Model);
        if (options.Automatic.Faults() is { Count: > 0 } faults)
        {
            throw new ArgumentException(string.Join(" ", faults), nameof(options));
        }

        SeveralRemotes.Check(store, remote is null ? remotes : null);
        _store = store;
        _remote = remote;
        _remotes = remotes;
        _options = options;
        _environment = environment;
        _connection = remote is null ? null : new RemoteConnection(store, remote, options);
        _state = new SyncCoordinationState(store, environment, options);
        _log = environment.Loggers.CreateLogger(SyncLog.Category);
        _session = new SessionGate(options.SessionSettled);
        _announcer = new Announcer(_log.ListenerFailed);
        Status = new SyncStatus(_announcer);
        _hints = options.Automatic.FollowsHints ? options.Automatic.Hints ?? (remote is null ? SeveralHints.Of(remotes, HintOptions) : (remote as IHintingRemote)?.CreateHints(HintOptions(SpaceOfHints))) : null;
    }

    /// <summary>Raised after a run has let go of the database, when rows changed here or it did not end well. Handlers may use the store at once.</summary>
    public event EventHandler<SyncReport>? Completed;

    /// <summary>
    /// Raised when the rows it names are committed: after the push of a run and after its apply, at most once each; on a started service also after commits of
    /// the app and of other processes.
    /// </summary>
    public event EventHandler<Invalidation>? Invalidated;

    /// <summary>How the connection for hints stands; it is kept by a started service with <see cref="AutomaticOptions.FollowsHints"/>.</summary>
    public LiveHintState HintState => _hints?.State ?? LiveHintState.Stopped;

    /// <summary>How syncing stands; to bind to.</summary>
    public SyncStatus Status { get; }

    /// <summary>
    /// Syncs by itself from now on, until it is stopped: after local changes, at intervals, when the network is back, when the app comes to the foreground.
    /// Returns at once. A service that is started stays so.
    /// </summary>
    public void Start()
    {
        lock (_lock)
        {
            if (_loop is not null)
            {
                return;
            }

            var stopping = new CancellationTokenSource();
            var follower = _hints is null ? null : new HintFollower(_hints, _gate, _environment, _log);
            var loop = new SyncLoop(_store, _environment, _options, _state, Status, RunPlannedAsync, Announce, follower, _log);
            (_stopping, _loop) = (stopping, loop);
            _looping = _environment.AwayAsync(() => LoopAsync(loop, stopping.Token));
        }
    }

    /// <summary>Stops; a run under way is cancelled and has let go of the database when the task ends. Single runs are possible still.</summary>
    public async Task StopAsync()
    {
        Task looping;
        lock (_lock)
        {
            if (_loop is null)
            {
                return;
            }

            _loop = null;
            looping = _looping;
        }

        await _stopping!.CancelAsync().ConfigureAwait(false);
        await looping.ConfigureAwait(false);
        _stopping.Dispose();
    }

    /// <summary>No run by itself until <see cref="Resume"/>; one under way ends as it would, and a person may still ask for one.</summary>
    public void Pause() => _loop?.Pause(isPaused: true);

    public void Resume() => _loop?.Pause(isPaused: false);

    /// <summary>The app has drawn what it shows first: work by itself may begin.</summary>
    public void OpenStartupGate() => _loop?.OpenGate();

    /// <summary>The app came to the foreground, or went to the background.</summary>
    public void SetForeground(bool isForeground) => _loop?.SetForeground(isForeground);

    /// <summary>The server may have something new; the answer is a run soon.</summary>
    public void Hint() => _loop?.Ask(SyncTriggers.Hint);

    /// <summary>The app has just written: the file is looked at now and not when its folder tells of it.</summary>
    public void NoteChange() => _loop?.Look();

    /// <summary>
    /// A run that a person waits for: passes throttle, back-off, pause and startup gate, not the server's Retry-After. Asked for while a run is under way it is the one behind it,
    /// so that what was written before the call is in it; calls that wait are one run. The token ends the wait; on a started service not the run.
    /// </summary>
    public Task<SyncReport> SyncNowAsync(CancellationToken cancellationToken = default) => AskAsync(SyncMode.Full, cancellationToken);

    /// <summary>As <see cref="SyncNowAsync"/>, sending what waits and fetching nothing.</summary>
    public Task<SyncReport> PushAsync(CancellationToken cancellationToken = default) => AskAsync(SyncMode.PushOnly, cancellationToken);

    /// <summary>As <see cref="SyncNowAsync"/>, fetching what others wrote and sending nothing.</summary>
    public Task<SyncReport> PullAsync(CancellationToken cancellationToken = default) => AskAsync(SyncMode.PullOnly, cancellationToken);

    /// <summary>One run, whether the service is started or not. Trouble is in the report, not thrown.</summary>
    public Task<SyncReport> SyncAsync(SyncMode mode, string trigger, IProgress<SyncProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(trigger);
        return _session.RunAsync(mode, token => RunAsync(mode, trigger, progress, static () => Task.CompletedTask, token), cancellationToken);
    }

    /// <summary>Fetches what is new in the catalogs that the model names, and nothing else: a task of its own beside syncing, admitted by the server where it is bulk work. Ordinary runs do it too.</summary>
    public Task<SyncReport> SyncCatalogsAsync(CancellationToken cancellationToken = default) =>
        SyncScheduler.Of(_environment).RunAsync(
            new SyncTask(SyncTaskKind.CatalogSync, SyncTaskPriority.Normal, SyncResources.Network | SyncResources.Sqlite) { File = _store.Path },
            (turn, token) => RunAsync(SyncMode.PullOnly, SyncTriggers.Catalog, null, turn.GiveWayAsync, token),
            cancellationToken);

    /// <summary>Compares what this store knows of the remote with what the remote has, type by type; of several remotes each, by a listing of all that it has.</summary>
    /// <exception cref="SyncException">The server could not be asked; of several remotes none.</exception>
    public Task<VerifyReport> VerifyAsync(CancellationToken cancellationToken) => _store.EngineAsync(
        () => _remote is { } remote ? new Verifier(_store, remote, _options, _connection!).RunAsync(cancellationToken) : new SeveralVerifier(_store, _remotes, _options).RunAsync(cancellationToken),
        cancellationToken);

    /// <summary>Fetches the rows that a comparison found different, and no others; runs of this file wait meanwhile. With several remotes a cycle over all of them follows.</summary>
    /// <param name="report">Of <see cref="VerifyAsync"/>, a moment ago.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>How many rows were brought in or taken away; with several remotes how many were looked at.</returns>
    /// <exception cref="SyncException">The file is being synced, or more rows would go than a run deletes without a question.</exception>
    public async Task<int> RepairAsync(VerifyReport report, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(report);
        if (_remote is { } remote)
        {
            return await _store.RunLockedAsync(transaction => new Repairer(_store, remote, _environment, _options).RunAsync(report, transaction, cancellationToken), cancellationToken).ConfigureAwait(false);
        }

        var rows = await _store.RunLockedAsync(transaction => new SeveralRepairer(_store, _remotes).RunAsync(report, transaction, cancellationToken), cancellationToken).ConfigureAwait(false);
        var run = await SyncAsync(SyncMode.Full, SyncTriggers.User, null, cancellationToken).ConfigureAwait(false);
        return run.Error is { } error ? throw error : rows;
    }

    /// <summary>Ends syncing for whoever is signed in. Changes that wait are never dropped without a record: see <see cref="SignOutChoice"/>. The file stays this user's; another one is refused.</summary>
    /// <exception cref="SyncException">AlreadyRunning, with <see cref="SignOutChoice.Discard"/>: another process was in the middle of a run for longer than <see cref="SyncOptions.LockWait"/>. Nobody was signed out; this service is stopped.</exception>
    public async Task<SignOutReport> SignOutAsync(SignOutChoice choice, CancellationToken cancellationToken = default)
    {
        var push = choice == SignOutChoice.PushFirst ? await PushAsync(cancellationToken).ConfigureAwait(false) : null;
        var (pending, dead) = await CountWaitingAsync(cancellationToken).ConfigureAwait(false);
        if (pending > 0 && choice is (SignOutChoice.Ask or SignOutChoice.PushFirst))
        {
            return new SignOutReport(false, pending, dead, push);
        }

        await StopAsync().ConfigureAwait(false);
        DiscardReport? discarded = null;
        if (choice == SignOutChoice.Discard)
        {
            discarded = await SignOut.DiscardAsync(_store, _options, _environment, cancellationToken).ConfigureAwait(false);
            (pending, dead) = await CountWaitingAsync(cancellationToken).ConfigureAwait(false);
        }

        _connection?.Forget();
        foreach (var remote in _remotes)
        {
            remote.IsOpen = false;
        }

        return new SignOutReport(true, pending, dead, push) { Discarded = discarded };
    }

    /// <summary>Is everything fetched once, and its completion handled? Work that compares with synced rows begins no earlier.</summary>
    public Task<bool> IsFullyFetchedAsync(CancellationToken cancellationToken) => _store.EngineAsync(
        () => Task.FromResult(!_state.IsFullFetchDue() && _store.EngineSession.FullFetches.Open() is null
            && (_options.Automatic.FullFetchHandler is null || _store.EngineSession.FullFetches.Unhandled("", static _ => false).Count == 0)),
        cancellationToken);

    /// <summary>Ends a started service without waiting for a run under way; <see cref="StopAsync"/> waits.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_loop is not null)
            {
                _loop = null;
                _stopping!.Cancel();
                return; // Its run lets go by itself.
            }
        }

        _oneRun.Dispose();
    }

    private Task<(long Pending, long Dead)> CountWaitingAsync(CancellationToken cancellationToken) => _store.EngineAsync(
        () => Task.FromResult((_store.EngineSession.Outbox.ReadLedger().Waiting, _store.EngineSession.Db.ScalarInt64("SELECT count(*) FROM _tm_command WHERE status = 'DEAD_LETTER'"))),
        cancellationToken);

    private Task<SyncReport> AskAsync(SyncMode mode, CancellationToken cancellationToken) =>
        _loop is { } loop ? loop.AskAsync(mode, cancellationToken) : SyncAsync(mode, SyncTriggers.User, new Telling(Status), cancellationToken);

    private async Task<SyncReport> RunAsync(SyncMode mode, string trigger, IProgress<SyncProgress>? progress, Func<Task> giveWay, CancellationToken cancellationToken)
    {
        SyncReport report;
        await _oneRun.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            _gate.Starting();
            report = await _store.EngineAsync(() => RunObservedAsync(mode, trigger, progress, giveWay, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _oneRun.Release();
        }

        _gate.Note(report);
        Status.Ended(report);
        if (report.Outcome != SyncOutcome.Idle)
        {
            _announcer.Post(() => Completed?.Invoke(this, report));
        }

        if (report.FullFetch is { } fetch)
        {
            await HandleAsync(fetch, cancellationToken).ConfigureAwait(false);
        }

        return report;
    }

    private Task<SyncReport> RunPlannedAsync(PlannedRun run, CancellationToken cancellationToken) => _session.RunAsync(
        run.Mode,
        settled => SyncScheduler.Of(_environment).RunAsync(
            new SyncTask(SyncTaskKind.DataSync, run.Priority, SyncResources.Network | SyncResources.Sqlite) { File = _store.Path },
            (turn, token) => RunAsync(run.Mode, run.Trigger, new Telling(Status), turn.GiveWayAsync, token),
            settled),
        cancellationToken);

    private async Task<SyncReport> RunObservedAsync(SyncMode mode, string trigger, IProgress<SyncProgress>? progress, Func<Task> giveWay, CancellationToken cancellationToken)
    {
        using var activity = SyncSources.Activities.StartActivity("tidemark.sync.run");
        activity?.SetTag("tidemark.trigger", trigger).SetTag("tidemark.mode", mode.ToString());
        _log.RunStarted(mode.ToString(), trigger);
        var report = _remote is { } remote
            ? await new SyncCoordinator(_store, remote, _environment, _options, _connection!, Announce) { GiveWay = giveWay }.RunAsync(mode, trigger, progress, cancellationToken).ConfigureAwait(false)
            : await new MergeCoordinator(_store, _remotes, _environment, _options, Announce) { GiveWay = giveWay }.RunAsync(mode, trigger, cancellationToken).ConfigureAwait(false);
        activity?.SetTag("tidemark.outcome", report.Outcome.ToString());
        RunObserver.Tell(_log, report);
        return report;
    }

    private void Announce(Invalidation changes) => _announcer.Post(() => Invalidated?.Invoke(this, changes));

    private async Task<bool> LoopAsync(SyncLoop loop, CancellationToken cancellationToken)
    {
        _log.ServiceStarted(_store.Path);
        try
        {
            await HandleLeftAsync(cancellationToken).ConfigureAwait(false);
            _gate.KnownUntil(await PulledUntilAsync(cancellationToken).ConfigureAwait(false));
            await loop.RunAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Stopped before it began.
        }

        _log.ServiceStopped(_store.Path);
        return true;
    }

    // The head that a connection begins with is no news when an earlier process has seen it. (It saw that much in some answer; what it did not pull then, the start's run does.)
    private Task<long> PulledUntilAsync(CancellationToken cancellationToken) => _store.EngineAsync(
        () => Task.FromResult(_store.EngineSession.Remotes.Read() is { Cursor: not null, Resync: null, Floor: { } floor } ? floor.Position : 0),
        cancellationToken);

    private string? SpaceOfHints => _store.Model.HasSpaces && _options.Space is null ? Model.Protocol.LiveMessage.AllSpaces : _options.Space;

    private LiveHintOptions HintOptions(string? space)
    {
        var connection = _options.Automatic.HintConnection;
        return new LiveHintOptions
        {
            Space = space,
            DeviceId = _store.DeviceId,
            PingEvery = connection.PingEvery,
            PongWithin = connection.PongWithin,
            ConnectWithin = connection.ConnectWithin,
            Backoff = connection.Backoff,
        };
    }

    // What a process that has ended left: complete and not told, told and not handled.
    private async Task HandleLeftAsync(CancellationToken cancellationToken)
    {
        if (_options.Automatic.FullFetchHandler is null)
        {
            return;
        }

        var left = await _store.EngineAsync(
            () =>
            {
                var fetches = _store.EngineSession.FullFetches;
                if (fetches.Open() is { } open && !_state.IsFullFetchDue())
                {
                    fetches.Done(open.Id, open.Rows, _environment.NowMs);
                }

                var unhandled = fetches.Unhandled(_environment.ProcessName, _environment.IsAlive);
                unhandled.ForEach(f => fetches.SetClaim(f.Id, _environment.ProcessName));
                return Task.FromResult(unhandled);
            },
            cancellationToken).ConfigureAwait(false);
        foreach (var fetch in left)
        {
            await HandleAsync(fetch, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task HandleAsync(FullFetch fetch, CancellationToken cancellationToken)
    {
        _log.FullFetchDone(fetch.Id, fetch.Reason, fetch.Rows);
        var memory = PaceMemory.Of(_store.Path, _environment);
        if (_options.Automatic.FullFetchHandler is not { } handler || !memory.TakeInHand(fetch.Id))
        {
            return;
        }

        try
        {
            await handler(fetch, cancellationToken).ConfigureAwait(false);
            await _store.EngineAsync(
                () =>
                {
                    _store.EngineSession.FullFetches.Handled(fetch.Id, _environment.NowMs);
                    return Task.FromResult(true);
                },
                CancellationToken.None).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The next start calls it again.
        }
#pragma warning disable CA1031 // the app's fault is not the run's
        catch (Exception e)
#pragma warning restore CA1031
        {
            _log.FullFetchHandlerFailed(fetch.Id, e);
        }
        finally
        {
            memory.LetGo(fetch.Id);
        }
    }

    private sealed class Telling(SyncStatus status) : IProgress<SyncProgress>
    {
        public void Report(SyncProgress value) => status.Progressed(value);
    }
}
