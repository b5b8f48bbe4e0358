#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;

namespace Tidemark.Client.Storage;

/// <summary>How an engine transaction is run.</summary>
[Flags]
public enum EngineTransactionKind
{
    None = 0,

    /// <summary>Writes to synced tables that are not to be captured.</summary>
    Guarded = 1,

    /// <summary>May be lost with the power: what it holds can be fetched again.</summary>
    Cheap = 2,
}

/// <summary>The one way the engine writes: BEGIN IMMEDIATE, run lock checked inside, guard held only within.</summary>
public sealed class EngineTransaction(StoreSession session, SyncEnvironment environment, long lockToken)
{
    public StoreSession Session => session;

    /// <summary>The run lock's token this run holds.</summary>
    public long LockToken => lockToken;

    /// <summary>Between two pieces of long work: lets a task that is more urgent go first. Default: there is none.</summary>
    internal Func<Task> GiveWay { get; init; } = static () => Task.CompletedTask;

    /// <exception cref="SyncException">The run lock was taken over meanwhile; nothing was written.</exception>
    public T Run<T>(EngineTransactionKind kind, Func<StoreSession, T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        var db = session.Db;
        using var turn = db.EnterGate();
        db.Execute(kind.HasFlag(EngineTransactionKind.Cheap) ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL");
        db.Execute("BEGIN IMMEDIATE");
        try
        {
            CheckLock();
            RunLock.Heartbeat(db, environment);
#if TIDEMARK_MUTANTS
            if (Mutants.Is(Mutant.GuardLeftBehind))
            {
                db.Execute("DELETE FROM _tm_guard WHERE rowid < (SELECT max(rowid) FROM _tm_guard)");
            }
            else
#endif
            if (db.ScalarInt64("SELECT EXISTS(SELECT 1 FROM _tm_guard)") != 0)
            {
                throw new SyncException(SyncErrorCode.Internal, "The capture guard was left behind; run `tidemark doctor --repair`.");
            }

            session.Refresh();
            db.ChangedTypes.Clear();
            session.Answers.Latest.Clear();
            var result = kind.HasFlag(EngineTransactionKind.Guarded) ? Guarded(work) : work(session);
            if (session.HasReceipts)
            {
                new Receipts.ReceiptBook(session).Reconcile();
            }

            new ChangedRepository(db).Applied(db.ChangedTypes);
            db.Execute("COMMIT");
            session.Committed?.Invoke();
            return result;
        }
        catch
        {
            if (SQLitePCL.raw.sqlite3_get_autocommit(db.Connection.Handle) == 0)
            {
                db.Execute("ROLLBACK");
            }

            throw;
        }
    }

    public void Run(EngineTransactionKind kind, Action<StoreSession> work) => Run(kind, s =>
    {
        work(s);
        return true;
    });

    /// <summary>Reads from one snapshot.</summary>
    public T Read<T>(Func<StoreSession, T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        session.Db.Execute("BEGIN");
        try
        {
            session.Refresh();
            return work(session);
        }
        finally
        {
            if (SQLitePCL.raw.sqlite3_get_autocommit(session.Db.Connection.Handle) == 0)
            {
                session.Db.Execute("ROLLBACK");
            }
        }
    }

    private T Guarded<T>(Func<StoreSession, T> work)
    {
        session.Db.Execute("INSERT INTO _tm_guard(held) VALUES(1)");
        var result = work(session);
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.GuardLeftBehind) && environment.NowMs % 7 == 0)
        {
            return result;
        }
#endif
        session.Db.Execute("DELETE FROM _tm_guard");
        return result;
    }

    private void CheckLock()
    {
        var token = session.Db.ScalarInt64("SELECT token FROM _tm_lock WHERE id = 1");
        if (token != lockToken)
        {
            throw new SyncException(SyncErrorCode.RunLockLost, $"Another process took the run lock over (token {token}, ours was {lockToken}). Nothing was written; the next run goes on.", retryable: true);
        }

    }
}
