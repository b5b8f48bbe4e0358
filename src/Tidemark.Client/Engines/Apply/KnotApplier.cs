using Tidemark.Client.Engines.Pull;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>
/// A row is put aside for the unique value of another, that one's deletion for its child, and the child's new version for the row: none can go first.
/// They go together, or none does.
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

    private List<IncomingRow> HoldersOf(IncomingRow row, Dictionary<RowId, IncomingRow> going) =>
        [.. _holders.Of(row.Table, row.Row!).Select(k => going.GetValueOrDefault(new RowId(row.Table.Number, k))).Where(d => d is not null).Select(d => d!)];

    private bool TryTogether(List<IncomingRow> coming, List<IncomingRow> going, Dictionary<RowId, IncomingRow> rows, PullReport report)
    {
        session.Db.Execute("SAVEPOINT knot");
        var applier = new RowApplier(session, environment, context);
        var deletions = new DeletionApplier(session, environment, context, applier);
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
