using Tidemark.Client.Capture;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inspection;

/// <summary>Triggers, and rows that changed while they were not there.</summary>
internal sealed class CaptureChecks(Examination visit)
{
    private StoreSession Session => visit.Session;

    public void Run()
    {
        CheckGuard();
        if (CheckTriggers())
        {
            CheckRows();
        }
    }

    private void CheckGuard()
    {
        if (Session.Db.ScalarInt64("SELECT count(*) FROM _tm_guard") == 0)
        {
            return;
        }

        if (visit.IsRepair)
        {
            Session.Db.Execute("DELETE FROM _tm_guard");
        }

        visit.Add(FindingCodes.GuardLeft, FindingSeverity.Fault, "The capture guard was left behind: writes of the app were not captured.", "`tidemark doctor --repair` removes it and notes what was missed.", repairable: true, repaired: visit.IsRepair);
    }

    private bool CheckTriggers()
    {
        var numbers = Session.Tables.ToDictionary(t => t.Type.Name, t => t.Number, StringComparer.Ordinal);
        IReadOnlyList<string> lost = [];
        try
        {
            lost = CaptureInstaller.Missing(Session.Db.Connection, Session.Model, numbers);
            var strange = CaptureInstaller.Strange(Session.Db.Connection, numbers.Values);
            var unguarded = AppTriggers.Classify(Session.Db.Connection, [.. Session.Tables.Select(t => t.Type.TableName)]).Where(d => d.Kind == AppTriggerKind.Guard).Select(d => d.Name).ToList();
            if (visit.IsRepair)
            {
                visit.Store.CheckSchema([], always: true);
            }

            if (strange.Count > 0)
            {
                visit.Add(FindingCodes.CaptureStrange, FindingSeverity.Fault, $"Triggers under Tidemark's names belong to no type of the model: {Examination.Named(strange)}.", "`tidemark doctor --repair` removes them.", repairable: true, repaired: visit.IsRepair);
            }

            if (unguarded.Count > 0)
            {
                visit.Add(FindingCodes.TriggerUnguarded, FindingSeverity.Fault, $"Triggers of the app write synced tables also while Tidemark applies: {Examination.Named(unguarded)}.", "`tidemark doctor --repair`, or the next sync, makes them rest meanwhile; the originals are kept.", repairable: true, repaired: visit.IsRepair);
            }
        }
        catch (Exception e) when (e is SyncException or Tidemark.Sqlite.StoreException { Trouble: Tidemark.Sqlite.StoreTrouble.SchemaMismatch })
        {
            visit.Add(FindingCodes.SchemaMismatch, FindingSeverity.Fault, e.Message, "Bring the tables back, or adopt the file anew.");
            return false;
        }

        if (lost.Count > 0)
        {
            visit.Add(FindingCodes.CaptureMissing, FindingSeverity.Fault, $"Capture is missing or changed on {Examination.Named(lost)}: writes there are not noted.", "`tidemark doctor --repair`, or the next sync, brings it back and notes what was missed.", repairable: true, repaired: visit.IsRepair);
        }

        return true;
    }

    private void CheckRows()
    {
        foreach (var table in Session.Tables)
        {
            var missed = MissedChanges.Find(Session, table);
            var changed = missed.Where(m => m.Kind != MissedKind.Vanished).ToList();
            if (changed.Count > 0)
            {
                visit.AddRepairable(FindingCodes.ChangesMissed, FindingSeverity.Fault, $"{table.Type.Name}: {changed.Count} rows were changed without a note: {Examination.Named(changed.Select(m => m.Key.ToString()))}.",
                    "`tidemark doctor --repair` queues them.", s => MissedChanges.Note(s, table, changed, visit.Environment.NowMs));
            }

            var vanished = missed.Where(m => m.Kind == MissedKind.Vanished).Select(m => m.Key).ToList();
            if (vanished.Count > 0)
            {
                visit.AddRepairable(FindingCodes.RowsVanished, FindingSeverity.Warning, $"{table.Type.Name}: {vanished.Count} rows are gone without a note: {Examination.Named(vanished.Select(k => k.ToString()))}.",
                    "They are not taken for deletions. `tidemark doctor --repair` has the next sync fetch them again; what was meant to go is deleted then.", s => FetchAgain(s, table, vanished));
            }
        }
    }

    // What is not known to be here comes again, with everything else; what is known is passed over.
    private static void FetchAgain(StoreSession session, EntityTable table, List<EntityKey> keys)
    {
        keys.ForEach(k => table.DropEntry(session.Db, k, session.Remote));
        BookChecks.StartFetchAgain(session);
    }
}
