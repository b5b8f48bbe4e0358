using Tidemark.Client.Coordination.Pacing;
using Tidemark.Client.Engines.Pull;
using Tidemark.Client.Engines.Push;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Client.Coordination;

/// <summary>What the books say of a run when it ends: history, pace, full fetch, unlock. One transaction, the run's last access to the file.</summary>
internal sealed class RunEnding(LocalStore store, SyncEnvironment environment, SyncCoordinationState state, SyncMode mode, string trigger, RunTimes times, Guid batch, string? handler)
{
    private StoreConnection Db => store.EngineSession.Db;

    // The random bits of the batch's id: no other dice are thrown for it.
    private double Jitter => (BitConverter.ToUInt64(batch.ToByteArray(), 8) >> 11) * (1.0 / (1UL << 53));

    /// <summary>The run held the lock.</summary>
    /// <returns>The full fetch that is complete with this run.</returns>
    public FullFetch? Finish(long token, PushReport push, PullReport pull, Exception? error, List<string> warnings)
    {
        FullFetch? done = null;
        try
        {
            InTransaction(() =>
            {
                AddHistory(push, pull, error);
                NotePace(error);
                done = EndFetch(pull);
                RunLock.Release(Db, token);
            });
        }
        catch (StoreException e)
        {
            if (error is null)
            {
                throw;
            }

            NoteInMemory(error);
            warnings.Add("The end of the run could not be noted: " + e.Message);
        }

        return done;
    }

    /// <summary>The run failed before it held the lock.</summary>
    public void Failed(Exception error)
    {
        if (error is PausedException or SyncException { Code: SyncErrorCode.AlreadyRunning or SyncErrorCode.Cancelled })
        {
            return; // Nothing was tried.
        }

        if (error is StoreException or SyncException { Code: SyncErrorCode.Store })
        {
            NoteInMemory(error);
            return;
        }

        try
        {
            InTransaction(() =>
            {
                AddHistory(new PushReport(), new PullReport(), error);
                NotePace(error);
            });
        }
        catch (StoreException)
        {
            NoteInMemory(error); // What the run reports is why it failed.
        }
    }

    private void InTransaction(Action work)
    {
        using var turn = Db.EnterGate();
        Db.Execute("PRAGMA synchronous = NORMAL");
        Db.Execute("BEGIN IMMEDIATE");
        try
        {
            work();
            Db.Execute("COMMIT");
        }
        catch (StoreException)
        {
            // Left open, it would hold the write lock for as long as the store is open.
            if (SQLitePCL.raw.sqlite3_get_autocommit(Db.Connection.Handle) == 0)
            {
                Db.Execute("ROLLBACK");
            }

            throw;
        }
    }

    private void AddHistory(PushReport push, PullReport pull, Exception? error) =>
        new HistoryRepository(Db).Add(new HistoryEntry
        {
            StartedAt = times.StartedAt,
            DurationMs = (long)times.Elapsed.TotalMilliseconds,
            Trigger = trigger,
            Mode = mode.ToString(),
            Outcome = error switch { null => nameof(SyncOutcome.Done), OperationCanceledException => nameof(SyncOutcome.Cancelled), _ => nameof(SyncOutcome.Failed) },
            Pushed = push.Accepted,
            Pulled = pull.Applied + pull.Merged + pull.Deleted,
            Conflicts = push.Conflicts + pull.Conflicts,
            Failed = push.Failed + push.DeadLetters + pull.Failed,
            IdleRuns = store.TakeIdleRuns(),
            ErrorCode = error is SyncException e ? SyncErrorCodes.NameOf(e.Code) : error?.GetType().Name,
            Error = error?.Message,
            Phases = times.ToString(),
        });

    private void NotePace(Exception? error)
    {
        if (error is not OperationCanceledException)
        {
            state.NoteEnd(trigger, times.StartedAt, AsSync(error), Jitter);
        }
    }

    private void NoteInMemory(Exception error)
    {
        if (AsSync(error) is { } failure)
        {
            state.NoteEndInMemory(failure, Jitter);
        }
    }

    // What a crash between the last apply and the end of its run has left open is found done here, too.
    private FullFetch? EndFetch(PullReport pull)
    {
        var session = store.EngineSession;
        if (session.FullFetches.Open() is not { } open || session.Remotes.Read() is not { Cursor: not null, Resync: null })
        {
            return null;
        }

        var now = environment.NowMs;
        var rows = pull.Applied + pull.Merged + pull.Deleted;
        session.FullFetches.Done(open.Id, rows, now);
        session.FullFetches.SetClaim(open.Id, handler);
        return open with { Rows = rows, DoneAt = DateTimeOffset.FromUnixTimeMilliseconds(now) };
    }

    private static SyncException? AsSync(Exception? error) => error switch
    {
        SyncException e => e,
        StoreException e => new SyncException(SyncErrorCode.Store, e.Message, e.Retryable, e),
        _ => null,
    };
}
