using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Client.Inspection;

/// <summary>Examines a store from the file up, and repairs on request. Without repair nothing is written.</summary>
public sealed class StoreDoctor(LocalStore store, SyncEnvironment environment)
{
    /// <exception cref="SyncException">A repair was asked for while another process syncs the file.</exception>
    public Task<DoctorReport> ExamineAsync(bool repair, CancellationToken cancellationToken) =>
        store.EngineAsync(() => Task.FromResult(repair ? Repair() : Examine(null, new RunLock(store.EngineSession.Db, environment).LeftBy())), cancellationToken);

    private DoctorReport Repair()
    {
        var runLock = new RunLock(store.EngineSession.Db, environment);
        var leftBy = runLock.LeftBy();
        if (runLock.TryTake() is not { } token)
        {
            throw new SyncException(SyncErrorCode.AlreadyRunning, $"{runLock.Holder()} is syncing this file; repair when it has ended.", retryable: true);
        }

        try
        {
            return Examine(new EngineTransaction(store.EngineSession, environment, token), leftBy);
        }
        finally
        {
            RunLock.Release(store.EngineSession.Db, token);
        }
    }

    private DoctorReport Examine(EngineTransaction? repair, string? leftBy)
    {
        var visit = new Examination(store, environment, repair);
        var file = new FileChecks(visit);
        if (file.Run())
        {
            new CaptureChecks(visit).Run();
            new OrphanChecks(visit).Run();
            new BookChecks(visit).Run(leftBy);
            file.CheckLog();
        }

        var ledger = visit.Session.Outbox.ReadLedger();
        if (!ledger.AddsUp)
        {
            visit.Add(FindingCodes.LedgerOpen, FindingSeverity.Fault, $"The ledger does not add up: {ledger}.", "Please report this: an edit has ended without a trace.");
        }

        if (SqliteFile.VersionWarning is { } warning)
        {
            visit.Add(FindingCodes.LibraryOld, FindingSeverity.Note, warning, "Use a newer SQLite library.");
        }

        return new DoctorReport { Findings = [.. visit.Findings], Ledger = ledger };
    }
}
