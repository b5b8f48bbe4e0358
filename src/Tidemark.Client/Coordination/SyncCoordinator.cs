using Tidemark.Client.Coordination.Announcing;
using Tidemark.Client.Coordination.Pacing;
using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Engines.Integrity;
using Tidemark.Client.Engines.Pull;
using Tidemark.Client.Engines.Push;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Snapshots;
using Tidemark.Client.Spaces;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Coordination;

/// <summary>One run: probe, run lock, push, pull, apply, gate, cursors, history, unlock. A failed phase ends the run in a defined state.</summary>
internal sealed class SyncCoordinator(LocalStore store, IRemote remote, SyncEnvironment environment, SyncOptions options, RemoteConnection connection, Action<Invalidation> invalidate)
{
    private const int ResyncsMax = 3;
    private readonly List<IntegrityReport> _integrity = [];
    private readonly List<string> _warnings = [];
    private readonly SyncCoordinationState _state = new(store, environment, options);
    private readonly RunTimes _times = new(environment);
    private readonly SpaceRound? _spaces = store.Model.HasSpaces && options.Space is null && remote is ISharing sharing ? new SpaceRound(store, sharing, environment) : null;
    private StoreSession _session = store.EngineSession; // of the space that is synced now
    private FullFetch? _fullFetch;
    private long? _token;
    private bool _isPushAnnounced;
    private bool _isAdmitted;
    private PushReport _push = new();
    private PullReport _pull = new();

    /// <summary>Between two pages or batches: lets a task that is more urgent go first.</summary>
    public Func<Task> GiveWay { get; init; } = static () => Task.CompletedTask;

    public async Task<SyncReport> RunAsync(SyncMode mode, string trigger, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        var context = new SyncBatchContext(environment.NewId());
        var ending = new RunEnding(store, environment, _state, mode, trigger, _times, context.BatchId, options.Automatic.FullFetchHandler is null ? null : environment.ProcessName);
        SyncOutcome outcome;
        SyncException? error = null;
        try
        {
            outcome = await RunPhasesAsync(context, mode, trigger, ending, progress, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            (outcome, error) = (SyncOutcome.Cancelled, new SyncException(SyncErrorCode.Cancelled, "The run was cancelled; the next one goes on.", retryable: true, e));
        }
        catch (SyncException e)
        {
            (outcome, error) = (SyncOutcome.Failed, e);
        }
        catch (StoreException e)
        {
            (outcome, error) = (SyncOutcome.Failed, new SyncException(SyncErrorCode.Store, e.Message, e.Retryable, e));
        }

        Announce(context, mode == SyncMode.PushOnly ? InvalidationSource.Push : InvalidationSource.Apply);
        progress?.Report(new SyncProgress(SyncPhase.Done, _push.Accepted + _pull.Applied, null, _pull.Bytes));
        var (pending, dead) = CountsAfter(error);
        if (error is null && options.ReportDeadLetters && remote is IDeadLetterReports reports)
        {
            await new DeadLetterReporter(store, environment).TellAsync(reports, dead, cancellationToken).ConfigureAwait(false);
        }

        return new SyncReport
        {
            Outcome = outcome,
            Trigger = trigger,
            Mode = mode,
            StartedAt = _times.StartedAt,
            Duration = _times.Elapsed,
            Phases = _times.Phases,
            FullFetch = _fullFetch,
            LockToken = _token,
            Push = _push,
            Pull = _pull,
            Integrity = _integrity,
            Pending = pending,
            DeadLetters = dead,
            ChangedTypes = [.. context.ChangedTypes],
            Warnings = _warnings,
            Error = error,
        };
    }

    private async Task<SyncOutcome> RunPhasesAsync(SyncBatchContext context, SyncMode mode, string trigger, RunEnding ending, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        long token;
        byte[]? first;
        RemoteState asked;
        try
        {
            (var isIdle, first, asked) = await ProbeAsync(mode, progress, cancellationToken).ConfigureAwait(false);
            if (isIdle)
            {
                _pull.Until = first is null ? 0 : ChangesPage.ReadTail(first).Until;
                store.CountIdleRun();
                _state.NoteIdle(trigger, _times.StartedAt);
                return SyncOutcome.Idle;
            }

            _token = token = await TakeLockAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SyncException or StoreException)
        {
            ending.Failed(e);
            throw;
        }

        SyncException? failure = null;
        try
        {
            // Another process may have synced in the meantime: then that page is of before.
            var session = store.EngineSession;
            session.Refresh();
            SeveralSchema.Refuse(session.Db);
            first = session.Remotes.Read().IsWhere(asked) && session.Stage.Pages().Count == 0 ? first : null;
            failure = _spaces is null
                ? await RunAdmittedAsync(context, mode, token, first, progress, cancellationToken).ConfigureAwait(false)
                : await RunSpacesAsync(_spaces, context, mode, trigger, token, progress, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SyncException or StoreException or OperationCanceledException)
        {
            _fullFetch = ending.Finish(token, _push, _pull, e, _warnings);
            throw;
        }

        _fullFetch = ending.Finish(token, _push, _pull, failure, _warnings);
        return failure is null ? SyncOutcome.Done : throw failure;
    }

    // Asks before any lock is taken; with nothing to do on either side that was all.
    private async Task<(bool IsIdle, byte[]? First, RemoteState Asked)> ProbeAsync(SyncMode mode, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        progress?.Report(new SyncProgress(SyncPhase.Connect, 0, null, 0));
        using var phase = _times.Of("connect");
        _state.CheckPause();
        store.CheckSchema(_warnings);
        SeveralSchema.Refuse(store.EngineSession.Db);
        await connection.EnsureAsync(cancellationToken).ConfigureAwait(false);
        var session = store.EngineSession;
        session.Refresh();
        var asked = session.Remotes.Read();
        if (mode == SyncMode.PushOnly && _spaces is null)
        {
            return (!session.Outbox.HasWork(), null, asked);
        }

        if (_spaces is not null)
        {
            return (await AreSpacesIdleAsync(_spaces, cancellationToken).ConfigureAwait(false), null, asked);
        }

        if (HasLocalWork(session))
        {
            return (false, null, asked);
        }

        var first = await ProbeAsync(session, cancellationToken).ConfigureAwait(false);
        return (first is not null && PullEngine.IsIdle(first, session.Remotes.Read()), first, asked);
    }

    private async Task<bool> AreSpacesIdleAsync(SpaceRound spaces, CancellationToken cancellationToken)
    {
        await spaces.AskAsync(_warnings, cancellationToken).ConfigureAwait(false);
        if (spaces.HasMoved())
        {
            return false;
        }

        foreach (var session in spaces.Sessions())
        {
            session.Refresh();
            _session = session;
            if (HasLocalWork(session) || await ProbeAsync(session, cancellationToken).ConfigureAwait(false) is not { } first || !PullEngine.IsIdle(first, session.Remotes.Read()))
            {
                _session = store.EngineSession;
                return false;
            }
        }

        _session = store.EngineSession;
        return true;
    }

    // One after the other, each with its own cursor and epoch. What fails in one stops that one alone.
    private async Task<SyncException?> RunSpacesAsync(SpaceRound spaces, SyncBatchContext context, SyncMode mode, string trigger, long token, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        spaces.Settle(new EngineTransaction(store.EngineSession, environment, token), context, options.Gate, _warnings);
        SyncException? failure = null;
        foreach (var session in spaces.Sessions().Where(s => trigger != SyncTriggers.Catalog || (s.Space is { } name && SpaceNames.IsCatalog(name))))
        {
            _session = session;
            var before = _pull;
            try
            {
                failure = await RunAdmittedAsync(context, mode, token, null, progress, cancellationToken).ConfigureAwait(false) ?? failure;
            }
            catch (SyncException e) when (session.Space is not null && e.Code is not (SyncErrorCode.NetworkError or SyncErrorCode.RunLockLost or SyncErrorCode.RateLimited or SyncErrorCode.AuthFailed))
            {
                // Who was taken out of the space a moment ago hears of it when the next run asks.
                _warnings.Add($"The space {session.Space} was not synced: {e.Message}");
                failure = e.WireCode == ErrorCodes.SpaceNotFound ? failure : e;
                context.ClearTouched();
                context.ClearDeferred();
            }

            if (!ReferenceEquals(before, _pull))
            {
                _pull.Add(before);
            }
        }

        _session = store.EngineSession;
        return failure;
    }

    private void Announce(SyncBatchContext context, InvalidationSource source)
    {
        if (context.Changes.Take(source) is { } changes)
        {
            invalidate(changes);
        }
    }

    private static bool HasLocalWork(StoreSession session) =>
        session.Outbox.HasWork() || session.HasAside || session.Stage.Pages().Count > 0 || session.Remotes.Read().Resync is not null;

    private async Task<byte[]?> ProbeAsync(StoreSession session, CancellationToken cancellationToken)
    {
        try
        {
            return await NewPull(remote).ProbeAsync(session, cancellationToken).ConfigureAwait(false);
        }
        catch (SyncException e) when (e is ResyncRequiredException || e.WireCode == ErrorCodes.CursorInvalid)
        {
            return null; // Met again, and answered, under the run lock.
        }
    }

    // A push carries one mark only; a pull carries all, so that the server can name the newest one both know.
    private async Task<ResyncRequiredException> RefineAsync(ResyncRequiredException cause, CancellationToken cancellationToken)
    {
        try
        {
            await NewPull(remote).ProbeAsync(_session, cancellationToken).ConfigureAwait(false);
            return cause;
        }
        catch (ResyncRequiredException refined)
        {
            return refined.CommonPosition > cause.CommonPosition ? refined : cause;
        }
        catch (SyncException)
        {
            return cause;
        }
    }

    // Bulk work asks to be admitted, and stops when the admission is lost. Everything else is cut so small that it needs none.
    private async Task<SyncException?> RunAdmittedAsync(SyncBatchContext context, SyncMode mode, long token, byte[]? first, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        var bulk = new BulkWork(_session, connection.Limits);
        if (remote is not ILeases leases || !bulk.IsDue(mode))
        {
            return await RunLockedAsync(context, mode, token, first, progress, cancellationToken).ConfigureAwait(false);
        }

        SyncLease lease;
        try
        {
            lease = await new SyncLeaseManager(leases, environment).AcquireAsync(store.DeviceId, cancellationToken).ConfigureAwait(false);
        }
        catch (SyncException denied) when (denied.WireCode == ErrorCodes.LeaseDenied && bulk.CanSendMeanwhile(mode))
        {
            // What was written here need not wait for a turn to fetch everything.
            await RunLockedAsync(context, SyncMode.PushOnly, token, null, progress, cancellationToken).ConfigureAwait(false);
            return denied;
        }

        await using var held = lease.ConfigureAwait(false);
        _isAdmitted = true;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lease.Lost);
        try
        {
            return await RunLockedAsync(context, mode, token, first, progress, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (lease.Lost.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw SyncLease.LostError(e);
        }
    }

    private WireLimits Limits => _isAdmitted ? connection.Limits : BulkWork.WithoutLease(connection.Limits);

    // Returns what failed although the run could go on to its end (a push that met no network, say).
    private async Task<SyncException?> RunLockedAsync(SyncBatchContext context, SyncMode mode, long token, byte[]? first, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        var transaction = new EngineTransaction(_session, environment, token) { GiveWay = GiveWay };
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await PushAndPullAsync(transaction, context, mode, first, progress, cancellationToken).ConfigureAwait(false);
            }
            catch (ResyncRequiredException e) when (attempt < ResyncsMax)
            {
                new Resync(transaction, _warnings).Begin(await RefineAsync(e, cancellationToken).ConfigureAwait(false));
            }
            catch (SyncException e) when (e.Code == SyncErrorCode.StoreForked && attempt < ResyncsMax)
            {
                new Resync(transaction, _warnings).BecomeNewStore(environment);
            }
            catch (SyncException e) when (e.WireCode == ErrorCodes.CursorInvalid && attempt < ResyncsMax)
            {
                new Resync(transaction, _warnings).ForgetCursor(e);
            }
            catch (SyncException e) when (e.Code == SyncErrorCode.ModelMismatch && attempt < ResyncsMax && options.RegisterModel)
            {
                await connection.RegisterAsync(cancellationToken).ConfigureAwait(false);
            }

            first = null;
        }
    }

    private async Task<SyncException?> PushAndPullAsync(EngineTransaction transaction, SyncBatchContext context, SyncMode mode, byte[]? first, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        SyncException? failure = null;
        await NewPull(remote).ConfirmListingAsync(_session, cancellationToken).ConfigureAwait(false);
        if (mode != SyncMode.PullOnly)
        {
            using (_times.Of("push"))
            {
                failure = await PushAsync(transaction, context, progress, cancellationToken).ConfigureAwait(false);
            }

            // Once per run; what a push after a resync changes is told with the apply.
            if (!_isPushAnnounced && mode == SyncMode.Full)
            {
                _isPushAnnounced = true;
                Announce(context, InvalidationSource.Push);
            }
        }

        if (mode != SyncMode.PushOnly && _session.Outbox.HasUnansweredLost())
        {
            _pull.IsHeldBack = true;
            _warnings.Add("The server was restored. Nothing is fetched until what it may have lost has been offered to it; a run that pushes does that.");
        }
        else if (mode != SyncMode.PushOnly && failure?.RetryAfter is null)
        {
            await PullAsync(transaction, context, failure is null && _push.Requests == 0 ? first : null, progress, cancellationToken).ConfigureAwait(false);
        }

        return failure;
    }

    private async Task PullAsync(EngineTransaction transaction, SyncBatchContext context, byte[]? first, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        if (_session.Space is null && (_session.Remotes.Read() is { Cursor: null } or { Resync: not null }))
        {
            transaction.Run(EngineTransactionKind.Cheap, s => s.FullFetches.Begin(s.Remotes.Read().Resync, environment.NowMs));
            progress = progress is null ? null : new FullFetchProgress(progress);
        }

        var seeded = await SnapshotAsync(transaction, cancellationToken).ConfigureAwait(false);
        first = seeded is null ? first : null;
        var pull = NewPull(Locked(transaction));
        _pull = pull.Report;
        _pull.Applied += (int)Math.Min(int.MaxValue, seeded ?? 0);
        FetchedPages fetched;
        using (_times.Of("pull"))
        {
            fetched = await pull.RunAsync(transaction, first, progress, cancellationToken).ConfigureAwait(false);
        }

        try
        {
            using var phase = _times.Of("apply");
            await new ApplyEngine(transaction, environment, context, options.Pull, _pull, AddIntegrity, options.Gate).RunAsync(fetched, progress, cancellationToken).ConfigureAwait(false);
        }
        catch (WireFormatException e)
        {
            // A page is looked through before it is staged; one that cannot be read now was damaged in the file. Kept, it would be met by every run.
            transaction.Run(EngineTransactionKind.Cheap, s => s.Stage.Clear());
            throw new SyncException(SyncErrorCode.InvalidResponse, "A page that was kept cannot be read; the next run fetches it again: " + e.Message, retryable: true, e);
        }
    }

    // All rows at once as a file, where there is nothing yet and the remote has one. Pages go on behind it.
    private async Task<long?> SnapshotAsync(EngineTransaction transaction, CancellationToken cancellationToken)
    {
        var isWanted = options.Pull.UsesSnapshots || (_session.Space is { } name && SpaceNames.IsCatalog(name));
        if (!isWanted || remote is not ISnapshots snapshots || _session.Remotes.Read() is not { Cursor: null, Resync: null } || _session.Stage.Pages().Count > 0)
        {
            return null;
        }

        using var phase = _times.Of("snapshot");
        return await new SnapshotFetch(store, _session, snapshots, environment, transaction.LockToken, options.Gate)
            .TryAsync(_session.Space ?? options.Space, () => NewPull(Locked(transaction)).ConfirmAsync(_session, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    private async Task<SyncException?> PushAsync(EngineTransaction transaction, SyncBatchContext context, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        var meta = new MetaRepository(transaction.Session.Db);
        var push = new PushEngine(transaction, Locked(transaction), environment, context, new PushContext
        {
            DeviceId = meta.Text(MetaRepository.DeviceId)!,
            StoreId = meta.Text(MetaRepository.StoreId)!,
            Space = _session.Space ?? options.Space,
            Limits = Limits,
            Options = options.Push,
            GateMode = options.Gate,
        });
        var before = _push;
        _push = push.Report;
        try
        {
            await push.RunAsync(progress, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (SyncException e) when (e is { Retryable: true, Code: SyncErrorCode.NetworkError or SyncErrorCode.InvalidResponse or SyncErrorCode.ServerUnavailable or SyncErrorCode.RateLimited })
        {
            return e; // What others wrote may still be had.
        }
        finally
        {
            Add(before);
        }
    }

    private void Add(PushReport before)
    {
        _push.Accepted += before.Accepted;
        _push.Conflicts += before.Conflicts;
        _push.Failed += before.Failed;
        _push.DeadLetters += before.DeadLetters;
        _push.Requests += before.Requests;
    }

    private LockedRemote Locked(EngineTransaction transaction) => new(remote, store, environment, transaction.LockToken);

    private PullEngine NewPull(IRemote from) =>
        new(from, options.Pull, _session.Space ?? options.Space, new MetaRepository(store.EngineSession.Db).Text(MetaRepository.DeviceId)!) { RowsMax = _isAdmitted ? 0 : connection.Limits.LeaseRows };

    private Task<long> TakeLockAsync(CancellationToken cancellationToken) => new RunLock(store.EngineSession.Db, environment).TakeAsync(options.LockWait, cancellationToken);

    private (long Pending, long Dead) CountsAfter(SyncException? error)
    {
        try
        {
            var ledger = store.EngineSession.Outbox.ReadLedger();
            return (ledger.Waiting, store.EngineSession.Db.ScalarInt64("SELECT count(*) FROM _tm_command WHERE status = 'DEAD_LETTER'", ReadOnlySpan<Value>.Empty));
        }
        catch (StoreException) when (error is not null)
        {
            return (0, 0); // The file is in trouble; the error says so.
        }
    }

    private void AddIntegrity(IntegrityReport report)
    {
        if (report.Relations.Count > 0)
        {
            _integrity.Add(report);
        }
    }
}
