#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Coordination.Announcing;
using Tidemark.Client.Coordination.Pacing;
using Tidemark.Client.Engines;
using Tidemark.Client.Engines.Pull;
using Tidemark.Client.Engines.Push;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Coordination.Several;

/// <summary>
/// One cycle over all remotes of a file: stage all at once, merge once, send to each; again while sending brought something new, at most a few times. A remote that
/// cannot be reached is absent and catches up; when none is there the run has failed.
/// </summary>
internal sealed class MergeCoordinator(LocalStore store, IReadOnlyList<NamedRemote> remotes, SyncEnvironment environment, SyncOptions options, Action<Invalidation> invalidate)
{
    private const int RoundsMax = 5;
    private const int WaitingNamed = 10;

    // From so many rows on, all of them gone at once is a remote that was emptied until somebody says otherwise.
    private const int WholeRowsMin = 10;
    private readonly SyncModel _remoteModel = RemoteModel.Of(store.Model);
    private readonly SyncCoordinationState _state = new(store, environment, options);
    private readonly RunTimes _times = new(environment);
    private readonly List<string> _warnings = [];
    private readonly SemaphoreSlim _file = new(1, 1);
    private readonly Dictionary<int, SyncException> _absent = [];
    private readonly PushReport _push = new();
    private readonly PullReport _pull = new();
    private readonly HashSet<int> _unlisted = [];
    private bool _isPushOnly;
    private EngineTransaction _transaction = null!;
    private LockKeeper _keeper = null!;

    /// <summary>Between two batches: lets a task that is more urgent go first.</summary>
    public Func<Task> GiveWay { get; init; } = static () => Task.CompletedTask;

    private StoreSession Session => store.EngineSession;

    public async Task<SyncReport> RunAsync(SyncMode mode, string trigger, CancellationToken cancellationToken)
    {
        var context = new SyncBatchContext(environment.NewId());
        var ending = new RunEnding(store, environment, _state, mode, trigger, _times, context.BatchId, null);
        SyncOutcome outcome;
        SyncException? error = null;
        try
        {
            outcome = await RunLockedAsync(context, mode, trigger, ending, cancellationToken).ConfigureAwait(false);
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

        if (context.Changes.Take(InvalidationSource.Apply) is { } changes)
        {
            invalidate(changes);
        }

        if (error is null && options.ReportDeadLetters)
        {
            await TellAsync(cancellationToken).ConfigureAwait(false);
        }

        return new SyncReport
        {
            Outcome = outcome,
            Trigger = trigger,
            Mode = mode,
            StartedAt = _times.StartedAt,
            Duration = _times.Elapsed,
            Phases = _times.Phases,
            Push = _push,
            Pull = _pull,
            Pending = Session.Db.ScalarInt64("SELECT count(*) FROM _tm_owed WHERE code IS NULL"),
            DeadLetters = Session.Db.ScalarInt64("SELECT count(*) FROM _tm_owed WHERE code IS NOT NULL"),
            ChangedTypes = [.. context.ChangedTypes],
            Warnings = _warnings,
            Error = error,
        };
    }

    // Each what it has refused itself, one after the other: of one that was absent now nothing has changed, or it is told when it is there.
    private async Task TellAsync(CancellationToken cancellationToken)
    {
        var reporter = new DeadLetterReporter(store, environment);
        foreach (var backend in new BackendRepository(Session.Db).ReadAll().Where(b => !_absent.ContainsKey(b.Id)))
        {
            if (remotes.FirstOrDefault(r => r.Name == backend.Name)?.Remote is IDeadLetterReports reports)
            {
                await reporter.TellAsync(reports, backend, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<SyncOutcome> RunLockedAsync(SyncBatchContext context, SyncMode mode, string trigger, RunEnding ending, CancellationToken cancellationToken)
    {
        long token;
        try
        {
            _state.CheckPause();
            store.CheckSchema(_warnings);
            token = await new RunLock(Session.Db, environment).TakeAsync(options.LockWait, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SyncException or StoreException)
        {
            ending.Failed(e);
            throw;
        }

        _transaction = new EngineTransaction(Session, environment, token) { GiveWay = GiveWay };
        _keeper = new LockKeeper(store, environment, token);
        bool isIdle;
        try
        {
            Session.Refresh();
            isIdle = await CycleAsync(context, mode, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SyncException or StoreException or OperationCanceledException)
        {
            ending.Finish(token, _push, _pull, e, _warnings);
            throw;
        }

        // A person is asked only when nothing else could be done.
        var failure = _absent.Count > 0 && _absent.Count == remotes.Count ? _absent.OrderBy(a => a.Key).First().Value : null;
        if (isIdle && failure is null)
        {
            RunLock.Release(Session.Db, token);
            store.CountIdleRun();
            _state.NoteIdle(trigger, _times.StartedAt);
            return SyncOutcome.Idle;
        }

        ending.Finish(token, _push, _pull, failure, _warnings);
        return failure is null ? SyncOutcome.Done : throw failure;
    }

    /// <returns>There was nothing to do, and nothing was written.</returns>
    private async Task<bool> CycleAsync(SyncBatchContext context, SyncMode mode, CancellationToken cancellationToken)
    {
        var backends = new BackendRepository(Session.Db).ReadAll();
        var named = backends.Where(b => remotes.Any(r => r.Name == b.Name)).ToDictionary(b => b.Id, b => remotes.Single(r => r.Name == b.Name));
        var hasMoved = false;
        _isPushOnly = mode == SyncMode.PushOnly;
        using (_times.Of("pull"))
        {
            // All at once; each writes to its own staging tables alone, one after the other.
            var steps = await Task.WhenAll(backends.Where(b => named.ContainsKey(b.Id)).Select(b => StageAsync(b, named[b.Id], mode, cancellationToken))).ConfigureAwait(false);
            hasMoved = steps.Any(s => s);
        }

        if (!hasMoved && !HasWork(named))
        {
            return Forgive(backends);
        }

        for (var round = 0; round < RoundsMax; round++)
        {
            Merge(context, named);
            if (mode == SyncMode.PullOnly || await PushAsync(named, cancellationToken).ConfigureAwait(false) == 0)
            {
                break;
            }
        }

        NoteTrouble(backends, named);
        NoteWaiting();
        return false;
    }

    private void NoteWaiting()
    {
        var waiting = WaitingEdits.Read(Session);
        if (waiting.Count > 0)
        {
            var more = waiting.Count > WaitingNamed ? $"; and {waiting.Count - WaitingNamed} more" : "";
            _warnings.Add($"Edits that stay here until all remotes are there, or a person has decided: {string.Join("; ", waiting.Take(WaitingNamed).Select(w => $"{w.Type} {w.Key} ({w.Rule})"))}{more}.");
        }
    }

    private bool HasWork(Dictionary<int, NamedRemote> named)
    {
        var book = new JoinBook(Session);
        var tried = new MergeStep(Session, environment, _remoteModel, new SyncBatchContext(Guid.Empty), _warnings).TriedWith(book.ReadKeys());
        return Session.Outbox.HasWork() || new PulledRepository(Session.Db).HasAny() || new MetaRepository(Session.Db).Integer(JoinBook.TakeAll) != 0
            || new QuarantineRepository(Session.Db).Due(tried, IsWhole(new BackendRepository(Session.Db).ReadAll(), named)).Count > 0
            || named.Keys.Any(b => IsThere(b) && book.Owed(b).Count > 0);
    }

    // Remotes that were absent before are there again: that is worth a write.
    private bool Forgive(List<Backend> backends)
    {
        if (backends.Any(b => (b.Trouble is null) == _absent.ContainsKey(b.Id)))
        {
            NoteTrouble(backends, []);
        }

        return true;
    }

    private void NoteTrouble(List<Backend> backends, Dictionary<int, NamedRemote> named)
    {
        _transaction.Run(EngineTransactionKind.Cheap, s =>
        {
            foreach (var backend in backends.Where(b => _absent.ContainsKey(b.Id) || b.Trouble is not null || named.ContainsKey(b.Id)))
            {
                new BackendRepository(s.Db).SetTrouble(backend.Id, _absent.GetValueOrDefault(backend.Id)?.Message, environment.NowMs);
            }
        });
        foreach (var (id, error) in _absent.Where(_ => _absent.Count < remotes.Count))
        {
            _warnings.Add($"{backends.Single(b => b.Id == id).Name} was absent: {error.Message}");
        }
    }

    private async Task<bool> StageAsync(Backend backend, NamedRemote named, SyncMode mode, CancellationToken cancellationToken)
    {
        try
        {
            if (backend.Question is { } question && !options.Pull.AllowManyDeletes)
            {
                throw new SyncException(SyncErrorCode.DeleteLimit, question);
            }

            if (named.PausedUntil is { } until && until > environment.Now)
            {
                throw new SyncException(SyncErrorCode.RateLimited, $"{named.Name} asked for a pause.", retryable: true) { RetryAfter = until - environment.Now };
            }

            if (mode == SyncMode.PushOnly && backend.Token is not null && named.IsOpen)
            {
                return false;
            }

            var step = new StageStep(WriteAsync, ReadAsync, _remoteModel, named, _keeper, options.Pull, environment.Now);
            await step.RunAsync(backend, cancellationToken).ConfigureAwait(false);
            lock (_absent)
            {
                _pull.Iterations += step.Pages;
                if (step.IsUnfinished)
                {
                    _unlisted.Add(backend.Id);
                    _warnings.Add($"{backend.Name} lists everything anew, and has more pages than one run takes; the next run goes on, and merges it at its end.");
                }
            }

            return step.HasMoved || step.Rows > 0;
        }
        catch (SyncException e) when (e.Code is not (SyncErrorCode.RunLockLost or SyncErrorCode.Internal))
        {
            lock (_absent)
            {
                Suspend(backend.Id, named, e);
            }

            return false;
        }
    }

    // Each remote has a back-off of its own; the others go on.
    private void Suspend(int backend, NamedRemote named, SyncException error)
    {
        _absent[backend] = error;
        named.IsOpen &= error.Code is not (SyncErrorCode.AuthFailed or SyncErrorCode.WrongUser or SyncErrorCode.ModelMismatch);
        if (error.RetryAfter is { } pause)
        {
            named.PausedUntil = environment.Now + pause;
        }

        if (error.Code == SyncErrorCode.StoreForked)
        {
            _warnings.Add(Resync.ForkWarning);
            _transaction.Run(EngineTransactionKind.None, s =>
            {
                Resync.TakeNewIds(s, environment);
                new BackendRepository(s.Db).ResetPushSeq();
            });
        }
    }

    // Does it take part in this cycle's merges and pushes?
    private bool IsThere(int backend) => !_absent.ContainsKey(backend) && !_unlisted.Contains(backend);

    // Have all remotes of the file told what they have?
    private bool IsWhole(List<Backend> backends, Dictionary<int, NamedRemote> named) =>
#if TIDEMARK_MUTANTS
        Mutants.Is(Mutant.RuleDecidesAlone) ||
#endif
        (!_isPushOnly && backends.TrueForAll(b => named.ContainsKey(b.Id) && IsThere(b.Id)));

    private void Merge(SyncBatchContext context, Dictionary<int, NamedRemote> named)
    {
        using var phase = _times.Of("apply");
        var tally = _transaction.Run(EngineTransactionKind.Guarded, s =>
        {
            var backends = new BackendRepository(s.Db).ReadAll();
            CheckDeletions(s, backends, named);
            var staged = named.Where(n => IsThere(n.Key)).ToDictionary(n => n.Key, n => n.Value.Remote.Capabilities);
            return new MergeStep(s, environment, _remoteModel, context, _warnings).Run(staged, backends, IsWhole(backends, named));
        });
        context.ClearTouched();
        _pull.Applied += tally.Applied;
        _pull.Deleted += tally.Deleted;
        _pull.Conflicts += tally.Conflicts;
        _pull.Failed += tally.Quarantined;
        _pull.Aside = new QuarantineRepository(Session.Db).Count() + new JoinBook(Session).ReadHidden().Count;
    }

    // A remote that was emptied, or lost its rows, takes nothing away before a person has said so.
    private void CheckDeletions(StoreSession s, List<Backend> backends, Dictionary<int, NamedRemote> named)
    {
        foreach (var backend in backends.Where(b => named.ContainsKey(b.Id) && IsThere(b.Id)))
        {
            var (gone, known) = GoneOf(s, backend);
            var isAll = known >= WholeRowsMin && gone >= known;
            if ((gone < options.Pull.DeleteFreeRows && !isAll) || gone <= known * options.Pull.DeleteShareMax || options.Pull.AllowManyDeletes)
            {
                if (backend.Question is not null && options.Pull.AllowManyDeletes)
                {
                    new BackendRepository(s.Db).SetQuestion(backend.Id, null);
                }

                continue;
            }

            var question = $"{backend.Name} would take {gone} of {known} rows away. Nothing of it was taken. `tidemark sync DB --allow-deletes` takes it; `tidemark remotes reset DB {backend.Name}` sends the rows there again.";
            new BackendRepository(s.Db).SetQuestion(backend.Id, question);
            _absent[backend.Id] = new SyncException(SyncErrorCode.DeleteLimit, question);
        }
    }

    // Of the rows that it showed as living. Most cycles have none that are gone, and count nothing more.
    private static (long Gone, long Known) GoneOf(StoreSession s, Backend backend)
    {
        const string Living = "w.backend = ?1 AND NOT json_extract(CAST(w.state AS TEXT), '$.gone') AND NOT json_extract(CAST(w.state AS TEXT), '$.deleted')";
        var gone = s.Db.ScalarInt64(
            $"SELECT count(DISTINCT p.type || p.key) FROM _tm_pulled AS p JOIN _tm_shadow AS w ON w.backend = p.backend AND w.type = p.type AND w.key = p.key WHERE p.backend = ?1 AND p.deleted = 1 AND {Living}", Value.Integer(backend.Id));
        if (backend.Listing == Listing.Complete && new PulledRepository(s.Db).Pages(backend.Id).Any(p => p.IsComplete))
        {
            gone += s.Db.ScalarInt64($"SELECT count(*) FROM _tm_shadow AS w WHERE {Living} AND NOT EXISTS(SELECT 1 FROM _tm_pulled AS p WHERE p.backend = w.backend AND p.type = w.type AND p.key = w.key)", Value.Integer(backend.Id));
        }

        return (gone, gone == 0 ? 0 : s.Db.ScalarInt64($"SELECT count(*) FROM _tm_shadow AS w WHERE {Living}", Value.Integer(backend.Id)));
    }

    /// <returns>How many remotes had something otherwise: there is something to merge.</returns>
    private async Task<int> PushAsync(Dictionary<int, NamedRemote> named, CancellationToken cancellationToken)
    {
        using var phase = _times.Of("push");
        var conflicts = 0;
        var held = 0;
        foreach (var (id, remote) in named.Where(n => IsThere(n.Key)).OrderBy(n => remotes.TakeWhile(r => r != n.Value).Count()))
        {
            var isWhole = IsWhole(new BackendRepository(Session.Db).ReadAll(), named); // One that has gone away since is absent.
            var step = new PushStep(_transaction, environment, _remoteModel, remote, _keeper, new BackendRepository(Session.Db).Get(id), isWhole);
            try
            {
                await step.RunAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (SyncException e) when (e.Code is not (SyncErrorCode.RunLockLost or SyncErrorCode.Internal))
            {
                Suspend(id, remote, e);
            }

            _push.Accepted += step.Tally.Written;
            _push.Conflicts += step.Tally.Conflicts;
            _push.DeadLetters += step.Tally.Refused;
            _push.Requests += step.Tally.Requests;
            conflicts += step.Tally.Conflicts;
            held = Math.Max(held, step.Tally.Held);
        }

        if (held > 0)
        {
            _warnings.Add($"{held} rows wait for a key and were not sent: `tidemark keys`.");
        }

        return conflicts;
    }

    private async Task WriteAsync(Action<StoreSession> work)
    {
        await _file.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            _transaction.Run(EngineTransactionKind.Cheap, work);
        }
        finally
        {
            _file.Release();
        }
    }

    private async Task<Backend> ReadAsync(Func<StoreSession, Backend> work)
    {
        await _file.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            return work(Session);
        }
        finally
        {
            _file.Release();
        }
    }
}
