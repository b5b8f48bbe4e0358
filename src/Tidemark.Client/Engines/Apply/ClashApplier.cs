using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>
/// Applies rows whose unique values are still held by others. When the holders are themselves among these rows (a swap, a chain),
/// all step aside first; a holder that the same transaction deletes goes before; a value held by an edit of this device is waited for.
/// </summary>
internal sealed class ClashApplier(StoreSession session, RowApplier applier, SyncBatchContext context, IReadOnlySet<RowId> going)
{
    private readonly HiddenRows _hidden = new(session, context);

    public void Apply(IReadOnlyList<IncomingRow> clashes, Action<IncomingRow, ApplyOutcome> done)
    {
        if (clashes.Count == 0)
        {
            return;
        }

        var left = new List<IncomingRow>();
        foreach (var row in clashes)
        {
            _hidden.FreeUniqueValues(row);
            FreeFromGoing(row);
            var outcome = applier.Upsert(row); // The holder may have moved on meanwhile.
            if (outcome == ApplyOutcome.Clash)
            {
                left.Add(row);
            }
            else
            {
                done(row, outcome);
            }
        }

        if (left.Count > 0 && !TogetherInSavepoint(left, done))
        {
            foreach (var row in left)
            {
                done(row, applier.Upsert(row) is var outcome && outcome == ApplyOutcome.Clash
                    ? applier.PutAside(row, AsideCause.UniqueClash, "Another row here holds its unique value.")
                    : outcome);
            }
        }
    }

    // Its deletion comes last, children first: they may be waiting for the very row that needs its unique value.
    private void FreeFromGoing(IncomingRow row)
    {
        if (going.Count == 0)
        {
            return;
        }

        foreach (var holder in UniqueHolders.Of(session, row.Table, row.Row!).Where(k => going.Contains(new RowId(row.Table.Number, k)) && IsFree(row.Table, k)).ToArray())
        {
            row.Table.Delete(session.Db, holder);
            context.TouchTarget(row.Table, holder);
        }
    }

    // No edit of this device is on the row or below it.
    private bool IsFree(EntityTable table, EntityKey key) =>
        table.ReadEntry(session.Db, key, session.Remote) is not null && table.ReadBase(session.Db, key, session.Remote) is null && !applier.IsOutstanding(new RowId(table.Number, key))
        && session.Model.Graph.To(table.Type).Where(e => e.TargetsKey).All(e =>
        {
            var child = session.Table(e.Source);
            return UniqueHolders.Find(session, child, e.SourceOrdinals, key).TrueForAll(k => child.ReadEntry(session.Db, k, session.Remote) is not null && child.ReadBase(session.Db, k, session.Remote) is null);
        });

    private bool TogetherInSavepoint(List<IncomingRow> rows, Action<IncomingRow, ApplyOutcome> done)
    {
        session.Db.Execute("SAVEPOINT clash");
        var outcomes = new List<ApplyOutcome>();
        foreach (var row in rows.Where(r => r.Table.ReadEntry(session.Db, r.Key, session.Remote) is not null))
        {
            applier.StepAside(row);
        }

        foreach (var row in rows)
        {
            var outcome = applier.Upsert(row);
            if (outcome is ApplyOutcome.Clash or ApplyOutcome.PutAside || applier.IsAway(row.Id))
            {
                session.Db.Execute("ROLLBACK TO clash");
                session.Db.Execute("RELEASE clash");
                rows.ForEach(r => applier.Return(r.Id));
                return false;
            }

            outcomes.Add(outcome);
        }

        session.Db.Execute("RELEASE clash");
        for (var i = 0; i < rows.Count; i++)
        {
            done(rows[i], outcomes[i]);
        }

        return true;
    }
}
