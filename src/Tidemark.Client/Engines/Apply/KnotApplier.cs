using Tidemark.Client.Engines.Pull;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>
/// A row is put aside for the unique value of another, that one's deletion for its child, and the child's new version for the row: none can go first.
/// Or the value is held by a row that was made here and that a deletion would take along. They go together, or none does.
/// </summary>
internal sealed class KnotApplier(StoreSession session, SyncEnvironment environment, SyncBatchContext context)
{
    private readonly UniqueHolders _holders = new(session);

    /// <summary>Did any come loose?</summary>
    public bool Untie(IEnumerable<IncomingRow> deletions, PullReport report)
    {
        var going = deletions.DistinctBy(d => d.Id).ToDictionary(d => d.Id);
        var rows = new Dictionary<RowId, IncomingRow>();
        var waiting = new List<IncomingRow>();
        foreach (var item in going.Count == 0 ? [] : session.Aside.ReadAll())
        {
            if (IncomingRow.FromAside(session, item) is not { Row: not null } row)
            {
                continue;
            }

            rows[row.Id] = row;
            if (item.Cause == AsideCause.UniqueClash)
            {
                waiting.Add(row);
            }
        }

        return UntieValues(waiting, going, rows, report) || (going.Count > 0 && waiting.Count > 0 && TryDeletionsFirst(going, rows, report));
    }

    private bool UntieValues(List<IncomingRow> waiting, Dictionary<RowId, IncomingRow> going, Dictionary<RowId, IncomingRow> rows, PullReport report)
    {
        var knots = waiting.Select(r => (Row: r, Going: HoldersOf(r, going))).Where(k => k.Going.Count > 0).ToList();
        if (knots.Count == 0)
        {
            return false;
        }

        // They may hang together; where one of them cannot come, the others still may.
        if (TryTogether([.. knots.Select(k => k.Row)], [.. knots.SelectMany(k => k.Going).DistinctBy(d => d.Id)], rows, report))
        {
            return true;
        }

        var any = false;
        foreach (var (row, holders) in knots.Count > 1 ? knots : [])
        {
            any |= TryTogether([row], holders, rows, report);
        }

        return any;
    }

    /// <summary>Rows that are put aside for each other's sake, because each needs the other: they come together, or none does. Did any?</summary>
    public bool BringCycles(PullReport report)
    {
        var rows = session.Aside.ReadAll().Where(a => a.Cause == AsideCause.ParentMissing).Select(a => IncomingRow.FromAside(session, a)).Where(r => r is { Row: not null }).ToDictionary(r => r!.Id, r => r!);
        while (rows.Values.FirstOrDefault(r => NeedsOthers(r, rows)) is { } outside)
        {
            rows.Remove(outside.Id);
        }

        if (rows.Count < 2)
        {
            return false;
        }

        session.Db.Execute("SAVEPOINT cycle");
        var applier = new RowApplier(session, environment, context);
        foreach (var id in rows.Keys)
        {
            applier.Expect(id);
        }

        var isIn = rows.Values.OrderBy(r => session.Model.Graph.RankOf(r.Table.Type)).All(r => IsIn(applier.Upsert(r)));
        if (!isIn)
        {
            session.Db.Execute("ROLLBACK TO cycle");
        }

        session.Db.Execute("RELEASE cycle");
        report.Applied += isIn ? rows.Count : 0;
        report.Conflicts += isIn ? applier.Conflicts : 0;
        return isIn;
    }

    private bool NeedsOthers(IncomingRow row, Dictionary<RowId, IncomingRow> rows) =>
        session.Model.Graph.From(row.Table.Type).Any(e => e.Relation.Required && e.TargetsKey && Push.PushPlanner.KeyIn(row.Row!, e) is { } key
            && session.Table(e.Target) is var parent && !rows.ContainsKey(new RowId(parent.Number, key)) && parent.ReadEntry(session.Db, key, session.Remote) is null);

    private List<IncomingRow> HoldersOf(IncomingRow row, Dictionary<RowId, IncomingRow> going) =>
        [.. _holders.Of(row.Table, row.Row!).Select(k => going.GetValueOrDefault(new RowId(row.Table.Number, k))).Where(d => d is not null).Select(d => d!)];

    private bool TryTogether(List<IncomingRow> coming, List<IncomingRow> going, Dictionary<RowId, IncomingRow> rows, PullReport report)
    {
        session.Db.Execute("SAVEPOINT knot");
        var applier = new RowApplier(session, environment, context);
        var deletions = new DeletionApplier(session, environment, context, applier);
        Lead(coming, going, applier);
        var below = going.SelectMany(Children).Distinct().Select(rows.GetValueOrDefault).Where(c => c is not null).Select(c => c!).ToList();
        var isLoose = going.TrueForAll(LetGo) && coming.OrderBy(r => session.Model.Graph.RankOf(r.Table.Type)).All(r => IsIn(applier.Upsert(r)));
        if (isLoose)
        {
            below.ForEach(child => applier.Upsert(child));
            deletions.Apply(going);
            isLoose = going.TrueForAll(d => LiveRows.Read(session, d.Table, d.Key).Visible is null && !Children(d).Any());
        }

        if (!isLoose)
        {
            session.Db.Execute("ROLLBACK TO knot");
        }

        session.Db.Execute("RELEASE knot");
        if (isLoose)
        {
            report.Applied += coming.Count;
            report.Deleted += deletions.Applied;
            report.Conflicts += applier.Conflicts + deletions.Conflicts;
        }

        return isLoose;
    }

    private void Lead(List<IncomingRow> coming, List<IncomingRow> going, RowApplier applier)
    {
        var children = new FollowingChildren(session, applier, context, environment.NowMs);
        foreach (var row in coming)
        {
            foreach (var deletion in going.Where(d => d.Table.Number == row.Table.Number))
            {
                children.Lead(row, deletion.Key, deletion.Version, alsoRefused: true);
            }
        }
    }

    // The children that a deletion waits for, and that have a newer version elsewhere, step out of its way; what it takes along may be all that holds their new parents off.
    private bool TryDeletionsFirst(Dictionary<RowId, IncomingRow> going, Dictionary<RowId, IncomingRow> rows, PullReport report)
    {
        var parents = new List<IncomingRow>();
        var below = rows.Values.Where(r => IsBelow(r, going, parents)).ToList();
        if (below.Count == 0)
        {
            return false;
        }

        session.Db.Execute("SAVEPOINT knot");
        var applier = new RowApplier(session, environment, context);
        var deletions = new DeletionApplier(session, environment, context, applier);
        below.ForEach(applier.StepAside);
        deletions.Apply(parents.DistinctBy(d => d.Id));
        var applied = 0;
        var open = rows.Values.OrderBy(r => session.Model.Graph.RankOf(r.Table.Type)).ToList();
        while (open.RemoveAll(r => IsIn(applier.Upsert(r))) is var came and > 0)
        {
            applied += came;
        }

        var isLoose = parents.TrueForAll(d => LiveRows.Read(session, d.Table, d.Key).Visible is null) && below.TrueForAll(r => !applier.IsAway(r));
        if (!isLoose)
        {
            session.Db.Execute("ROLLBACK TO knot");
        }

        session.Db.Execute("RELEASE knot");
        if (isLoose)
        {
            report.Applied += applied;
            report.Deleted += deletions.Applied;
            report.Conflicts += applier.Conflicts + deletions.Conflicts;
        }

        return isLoose;
    }

    // Untouched here, below a row that goes.
    private bool IsBelow(IncomingRow row, Dictionary<RowId, IncomingRow> going, List<IncomingRow> parents)
    {
        if (row.Table.ReadEntry(session.Db, row.Key, session.Remote) is null || row.Table.ReadBase(session.Db, row.Key, session.Remote) is not null || LiveRows.Read(session, row.Table, row.Key).Visible is not { } live)
        {
            return false;
        }

        var isBelow = false;
        foreach (var edge in session.Model.Graph.From(row.Table.Type).Where(e => e.TargetsKey && e.Relation.Required))
        {
            if (Push.PushPlanner.KeyIn(live, edge) is { } key && going.TryGetValue(new RowId(session.Table(edge.Target).Number, key), out var parent))
            {
                parents.Add(parent);
                isBelow = true;
            }
        }

        return isBelow;
    }

    private static bool IsIn(ApplyOutcome outcome) => outcome is ApplyOutcome.Applied or ApplyOutcome.Merged or ApplyOutcome.Known;

    // It is deleted in the same breath. Until then it stands there for its children without the values that another one needs, where it can be without them.
    private bool LetGo(IncomingRow deletion)
    {
        var table = deletion.Table;
        if (table.ReadLive(session.Db, deletion.Key) is not { } live)
        {
            return true;
        }

        if (table.ReadEntry(session.Db, deletion.Key, session.Remote) is null || table.ReadBase(session.Db, deletion.Key, session.Remote) is not null)
        {
            return false;
        }

        var ordinals = _holders.OrdinalsOf(table).Where(o => !table.Type.IsKey(o)).ToList();
        if (ordinals.TrueForAll(o => table.Type.Fields[o].Nullable))
        {
            table.Update(session.Db, ordinals.Aggregate(live, (r, o) => r.With(o, Value.Null)));
        }
        else
        {
            table.Delete(session.Db, deletion.Key);
            context.TouchTarget(table, deletion.Key);
        }

        return true;
    }

    // What cannot be without the row.
    private IEnumerable<RowId> Children(IncomingRow parent)
    {
        foreach (var edge in session.Model.Graph.To(parent.Table.Type).Where(e => e.TargetsKey && e.Relation.Required))
        {
            var child = session.Table(edge.Source);
            foreach (var key in UniqueHolders.Find(session, child, edge.SourceOrdinals, parent.Key).Where(k => LiveRows.Read(session, child, k).Visible is not null))
            {
                yield return new RowId(child.Number, key);
            }
        }
    }
}
