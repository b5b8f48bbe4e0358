using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Apply;
using Tidemark.Client.Engines.Integrity;
using Tidemark.Client.Engines.Pull;
using Tidemark.Client.Engines.Push;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Coordination;

/// <summary>One run: probe, run lock, push, pull, apply, gate, cursors, history, unlock. A failed phase ends the run in a defined state.</summary>
internal sealed class SyncCoordinator(LocalStore store, IRemote remote, SyncEnvironment environment, SyncOptions options, RemoteConnection connection)
{
    private const int ResyncsMax = 3;
    private readonly List<IntegrityReport> _integrity = [];
    private readonly List<string> _warnings = [];
    private PushReport _push = new();
    private PullReport _pull = new();

    public async Task<SyncReport> RunAsync(SyncMode mode, string trigger, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        var startedAt = environment.Now;
        var started = environment.Time.GetTimestamp();
        var context = new SyncBatchContext(environment.NewId());
        SyncOutcome outcome;
        SyncException? error = null;
        try
        {
            outcome = await RunPhasesAsync(context, mode, trigger, startedAt, started, progress, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            (outcome, error) = (SyncOutcome.Cancelled, new SyncException(SyncErrorCode.Cancelled, "The run was cancelled; the next one goes on.", retryable: true, e));
        }
        catch (SyncException e)
        {
            connection.NotePause(e);
            (outcome, error) = (SyncOutcome.Failed, e);
        }
        catch (StoreException e)
        {
            (outcome, error) = (SyncOutcome.Failed, new SyncException(SyncErrorCode.Store, e.Message, e.Retryable, e));
        }

        progress?.Report(new SyncProgress(SyncPhase.Done, _push.Accepted + _pull.Applied, null, _pull.Bytes));
        var (pending, dead) = CountsAfter(error);
        return new SyncReport
        {
            Outcome = outcome,
            Trigger = trigger,
            Mode = mode,
            StartedAt = startedAt,
            Duration = environment.Time.GetElapsedTime(started),
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

    private async Task<SyncOutcome> RunPhasesAsync(SyncBatchContext context, SyncMode mode, string trigger, DateTimeOffset startedAt, long started, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        progress?.Report(new SyncProgress(SyncPhase.Connect, 0, null, 0));
        connection.CheckPause();
        store.CheckSchema(_warnings);
        await connection.EnsureAsync(cancellationToken).ConfigureAwait(false);
        var session = store.EngineSession;
        session.Refresh();
        byte[]? first = null;
        var asked = session.Remotes.Read();
        if (mode != SyncMode.PushOnly && !HasLocalWork(session))
        {
            first = await ProbeAsync(session, cancellationToken).ConfigureAwait(false);
            if (first is not null && PullEngine.IsIdle(first, session.Remotes.Read()))
            {
                store.CountIdleRun();
                return SyncOutcome.Idle;
            }
        }
        else if (mode == SyncMode.PushOnly && !session.Outbox.HasWork())
        {
            store.CountIdleRun();
            return SyncOutcome.Idle;
        }

        var token = await TakeLockAsync(cancellationToken).ConfigureAwait(false);
        SyncException? failure = null;
        try
        {
            // Another process may have synced in the meantime: then that page is of before.
            session.Refresh();
            first = session.Remotes.Read().IsWhere(asked) && session.Stage.Pages().Count == 0 ? first : null;
            failure = await RunLockedAsync(context, mode, token, first, progress, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SyncException or StoreException or OperationCanceledException)
        {
            Finish(token, mode, trigger, startedAt, started, e);
            throw;
        }

        Finish(token, mode, trigger, startedAt, started, failure);
        return failure is null ? SyncOutcome.Done : throw failure;
    }

    private static bool HasLocalWork(StoreSession session) =>
        session.Outbox.HasWork() || session.HasAside || session.Stage.Pages().Count > 0 || session.Remotes.Read().Resync is not null;

    private async Task<byte[]?> ProbeAsync(StoreSession session, CancellationToken cancellationToken)
    {
        try
        {
            return await NewPull().ProbeAsync(session, cancellationToken).ConfigureAwait(false);
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
            await NewPull().ProbeAsync(store.EngineSession, cancellationToken).ConfigureAwait(false);
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

    // Returns what failed although the run could go on to its end (a push that met no network, say).
    private async Task<SyncException?> RunLockedAsync(SyncBatchContext context, SyncMode mode, long token, byte[]? first, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        var transaction = new EngineTransaction(store.EngineSession, environment, token);
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
        if (mode != SyncMode.PullOnly)
        {
            failure = await PushAsync(transaction, context, progress, cancellationToken).ConfigureAwait(false);
        }

        if (mode != SyncMode.PushOnly && store.EngineSession.Outbox.HasUnansweredLost())
        {
            _warnings.Add("The server was restored. Nothing is fetched until what it may have lost has been offered to it; a run that pushes does that.");
        }
        else if (mode != SyncMode.PushOnly && failure?.RetryAfter is null)
        {
            var pull = NewPull();
            _pull = pull.Report;
            var fetched = await pull.RunAsync(transaction, failure is null && _push.Requests == 0 ? first : null, progress, cancellationToken).ConfigureAwait(false);
            try
            {
                await new ApplyEngine(transaction, environment, context, options.Pull, _pull, AddIntegrity, options.Gate).RunAsync(fetched, progress, cancellationToken).ConfigureAwait(false);
            }
            catch (WireFormatException e)
            {
                // A page is looked through before it is staged; one that cannot be read now was damaged in the file. Kept, it would be met by every run.
                transaction.Run(EngineTransactionKind.Cheap, s => s.Stage.Clear());
                throw new SyncException(SyncErrorCode.InvalidResponse, "A page that was kept cannot be read; the next run fetches it again: " + e.Message, retryable: true, e);
            }
        }

        return failure;
    }

    private async Task<SyncException?> PushAsync(EngineTransaction transaction, SyncBatchContext context, IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        var meta = new MetaRepository(transaction.Session.Db);
        var push = new PushEngine(transaction, remote, environment, context, new PushContext
        {
            DeviceId = meta.Text(MetaRepository.DeviceId)!,
            StoreId = meta.Text(MetaRepository.StoreId)!,
            Space = options.Space,
            Limits = connection.Limits,
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

    private PullEngine NewPull() =>
        new(remote, options.Pull, options.Space, new MetaRepository(store.EngineSession.Db).Text(MetaRepository.DeviceId)!);

    private async Task<long> TakeLockAsync(CancellationToken cancellationToken)
    {
        var runLock = new RunLock(store.EngineSession.Db, environment);
        var started = environment.Time.GetTimestamp();
        while (true)
        {
            if (runLock.TryTake() is { } token)
            {
                return token;
            }

            if (environment.Time.GetElapsedTime(started) >= options.LockWait)
            {
                throw new SyncException(SyncErrorCode.AlreadyRunning, $"{runLock.Holder()} is syncing this file; try again when it has ended.", retryable: true);
            }

            await environment.DelayAsync(TimeSpan.FromMilliseconds(50 + (100 * environment.NextDouble())), cancellationToken).ConfigureAwait(false);
        }
    }

    // History and unlock are the run's last access to the file.
    private void Finish(long token, SyncMode mode, string trigger, DateTimeOffset startedAt, long started, Exception? error)
    {
        var db = store.EngineSession.Db;
        try
        {
            using var turn = db.EnterGate();
            db.Execute("PRAGMA synchronous = NORMAL");
            db.Execute("BEGIN IMMEDIATE");
            new HistoryRepository(db).Add(new HistoryEntry
            {
                StartedAt = startedAt,
                DurationMs = (long)environment.Time.GetElapsedTime(started).TotalMilliseconds,
                Trigger = trigger,
                Mode = mode.ToString(),
                Outcome = error switch { null => nameof(SyncOutcome.Done), OperationCanceledException => nameof(SyncOutcome.Cancelled), _ => nameof(SyncOutcome.Failed) },
                Pushed = _push.Accepted,
                Pulled = _pull.Applied + _pull.Merged + _pull.Deleted,
                Conflicts = _push.Conflicts + _pull.Conflicts,
                Failed = _push.Failed + _push.DeadLetters + _pull.Failed,
                IdleRuns = store.TakeIdleRuns(),
                ErrorCode = error is SyncException e ? SyncErrorCodes.NameOf(e.Code) : error?.GetType().Name,
                Error = error?.Message,
            });
            RunLock.Release(db, token);
            db.Execute("COMMIT");
        }
        catch (StoreException e)
        {
            // Left open, it would hold the write lock for as long as the store is open.
            if (SQLitePCL.raw.sqlite3_get_autocommit(db.Connection.Handle) == 0)
            {
                db.Execute("ROLLBACK");
            }

            if (error is null)
            {
                throw;
            }

            _warnings.Add("The end of the run could not be noted: " + e.Message);
        }
    }

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
