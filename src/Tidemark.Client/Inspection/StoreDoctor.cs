using System.Globalization;
using Tidemark.Client.Capture;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Inspection;

/// <summary>Examines a store from the file up, and repairs on request. Without repair nothing is written.</summary>
public sealed class StoreDoctor(LocalStore store, SyncEnvironment environment)
{
    // A command that has been on its way for so long, with nobody syncing, waits for something that does not come by itself.
    private static readonly TimeSpan StuckAfter = TimeSpan.FromHours(24);
    private const int NamedMax = 5;

    private readonly List<DoctorFinding> _findings = [];

    /// <exception cref="SyncException">A repair was asked for while another process syncs the file.</exception>
    public Task<DoctorReport> ExamineAsync(bool repair, CancellationToken cancellationToken) =>
        store.EngineAsync(() => Task.FromResult(repair ? Repair() : Examine(repair: false)), cancellationToken);

    private DoctorReport Repair()
    {
        var runLock = new RunLock(store.EngineSession.Db, environment);
        if (runLock.TryTake() is not { } token)
        {
            throw new SyncException(SyncErrorCode.AlreadyRunning, $"{runLock.Holder()} is syncing this file; repair when it has ended.", retryable: true);
        }

        try
        {
            return Examine(repair: true);
        }
        finally
        {
            RunLock.Release(store.EngineSession.Db, token);
        }
    }

    private DoctorReport Examine(bool repair)
    {
        _findings.Clear();
        var session = store.EngineSession;
        CheckFile(session.Db);
        if (_findings.Count == 0)
        {
            CheckGuard(session.Db, repair);
            CheckCapture(session, repair);
            CheckRows(session, repair);
            CheckOrphans(session.Db);
            CheckOutbox(session);
        }

        var ledger = session.Outbox.ReadLedger();
        if (!ledger.AddsUp)
        {
            Add(FindingCodes.LedgerOpen, FindingSeverity.Fault, $"The ledger does not add up: {ledger}.", "Please report this: an edit has ended without a trace.");
        }

        if (SqliteFile.VersionWarning is { } warning)
        {
            Add(FindingCodes.LibraryOld, FindingSeverity.Note, warning, "Use a newer SQLite library.");
        }

        return new DoctorReport { Findings = [.. _findings], Ledger = ledger };
    }

    private void CheckFile(StoreConnection db)
    {
        var faults = db.Query("PRAGMA quick_check(10)", s => s.Text(0)).Where(line => !string.Equals(line, "ok", StringComparison.Ordinal)).ToList();
        if (faults.Count > 0)
        {
            Add(FindingCodes.FileDamaged, FindingSeverity.Fault, "The file is damaged: " + string.Join("; ", faults),
                "Keep a copy. `sqlite3 FILE .recover` saves what can be read; or clone anew, after noting what `tidemark outbox` still shows as waiting.");
        }
    }

    private void CheckGuard(StoreConnection db, bool repair)
    {
        if (db.ScalarInt64("SELECT count(*) FROM _tm_guard") == 0)
        {
            return;
        }

        if (repair)
        {
            db.Execute("DELETE FROM _tm_guard");
        }

        Add(FindingCodes.GuardLeft, FindingSeverity.Fault, "The capture guard was left behind: writes of the app were not captured.", "`tidemark doctor --repair` removes it and notes what was missed.", repairable: true, repaired: repair);
    }

    private void CheckCapture(StoreSession session, bool repair)
    {
        var numbers = session.Tables.ToDictionary(t => t.Type.Name, t => t.Number, StringComparer.Ordinal);
        var lost = CaptureInstaller.Missing(session.Db.Connection, session.Model, numbers);
        if (repair)
        {
            var warnings = new List<string>();
            try
            {
                store.CheckSchema(warnings);
            }
            catch (SyncException e)
            {
                Add(FindingCodes.SchemaMismatch, FindingSeverity.Fault, e.Message, "Bring the tables back, or adopt the file anew.");
                return;
            }
        }

        if (lost.Count > 0)
        {
            Add(FindingCodes.CaptureMissing, FindingSeverity.Fault, $"Capture is missing or changed on {Named(lost)}: writes there are not noted.", "`tidemark doctor --repair`, or the next sync, brings it back and notes what was missed.", repairable: true, repaired: repair);
        }
    }

    private void CheckRows(StoreSession session, bool repair)
    {
        foreach (var table in session.Tables)
        {
            var missed = MissedChanges.Find(session, table);
            var changed = missed.Where(m => m.Kind != MissedKind.Vanished).ToList();
            if (changed.Count > 0)
            {
                if (repair)
                {
                    MissedChanges.Note(session, table, changed, environment.NowMs);
                }

                Add(FindingCodes.ChangesMissed, FindingSeverity.Fault, $"{table.Type.Name}: {changed.Count} rows were changed without a note: {Named(changed.Select(m => m.Key.ToString()))}.",
                    "`tidemark doctor --repair` queues them.", repairable: true, repaired: repair);
            }

            var vanished = missed.Where(m => m.Kind == MissedKind.Vanished).Select(m => m.Key.ToString()).ToList();
            if (vanished.Count > 0)
            {
                Add(FindingCodes.RowsVanished, FindingSeverity.Warning, $"{table.Type.Name}: {vanished.Count} rows are gone without a note: {Named(vanished)}.",
                    "They are not taken for deletions. Meant: insert and delete them again. Not meant: clone anew, or insert them again.");
            }
        }
    }

    private void CheckOrphans(StoreConnection db)
    {
        // One table after the other: a reference that SQLite cannot follow hides nothing of the others.
        foreach (var table in db.Query("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' ORDER BY name", s => s.Text(0)))
        {
            try
            {
                foreach (var (parent, count) in db.Query("SELECT parent, count(*) FROM pragma_foreign_key_check(?1) GROUP BY 1", s => (s.Text(0), s.ColumnInt64(1)), Value.Text(table)))
                {
                    Add(FindingCodes.Orphans, FindingSeverity.Fault, $"{table}: {count} rows refer to rows of {parent} that do not exist.", "They were written with foreign keys off. Add the parents, or clear or delete the children.");
                }
            }
            catch (StoreException e) when (e.Trouble == StoreTrouble.Other)
            {
                Add(FindingCodes.Orphans, FindingSeverity.Note, $"{table}: its references cannot be checked: {e.Message}", "They lead to what is neither a key nor unique; SQLite itself refuses to follow them.");
            }
        }
    }

    private void CheckOutbox(StoreSession session)
    {
        var commands = session.Outbox.ReadAll();
        var dead = commands.Where(c => c.Status == CommandStatus.DeadLetter).ToList();
        if (dead.Count > 0)
        {
            Add(FindingCodes.DeadLetters, FindingSeverity.Warning, $"{dead.Count} dead letters: {Named(dead.Select(c => c.LastError ?? c.Key))}.", "`tidemark dead-letters` shows, retries or discards them.");
        }

        var longAgo = environment.NowMs - (long)StuckAfter.TotalMilliseconds;
        var stuck = commands.Count(c => c.Status != CommandStatus.DeadLetter && c.StateUpdatedAtMs < longAgo);
        if (stuck > 0)
        {
            Add(FindingCodes.Stuck, FindingSeverity.Warning, $"{stuck} commands have waited for more than {StuckAfter.TotalHours.ToString(CultureInfo.InvariantCulture)} hours.", "`tidemark sync` sends them; `tidemark outbox` says what they met last.");
        }

        var aside = session.Aside.ReadAll();
        if (aside.Count > 0)
        {
            Add(FindingCodes.PutAside, FindingSeverity.Warning, $"{aside.Count} pulled rows are put aside: {Named(aside.Select(a => $"{a.Type} {a.Key} ({a.Cause})"))}.", "Each run tries them again; a cause that stays needs a person.");
        }

        if (session.Remotes.Read().Resync is { } reason)
        {
            Add(FindingCodes.Resync, FindingSeverity.Note, $"A resync is under way ({reason}).", "The next `tidemark sync` goes on with it; what was not sent is kept.");
        }
    }

    private static string Named(IEnumerable<string> names)
    {
        var all = names.ToList();
        return string.Join(", ", all.Take(NamedMax)) + (all.Count > NamedMax ? $", and {all.Count - NamedMax} more" : "");
    }

    private void Add(string code, FindingSeverity severity, string message, string cure, bool repairable = false, bool repaired = false) =>
        _findings.Add(new DoctorFinding(code, severity, message, cure, repairable, repaired));
}
