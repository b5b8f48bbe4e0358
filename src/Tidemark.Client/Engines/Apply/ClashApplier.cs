using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>
/// Applies rows whose unique values are still held by others. When the holders are themselves among these rows (a swap, a chain),
/// all step aside first; a holder that the same transaction deletes goes before; a value held by an edit of this device is waited for.
/// </summary>
internal sealed class ClashApplier(StoreSession session, RowApplier applier, SyncBatchContext context, long nowMs, IReadOnlyDictionary<RowId, long> going)
{
    private readonly HiddenRows _hidden = new(session, context);
    private readonly UniqueHolders _holders = new(session);

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

        foreach (var holder in _holders.Of(row.Table, row.Row!).Where(k => going.ContainsKey(new RowId(row.Table.Number, k))).ToArray())
        {
            if (going[new RowId(row.Table.Number, holder)] == row.Version && IsClean(row.Table, holder) && HoldsUniqueKey(row, holder))
            {
                LeadChildren(row.Table, holder, row.Key);
            }

            if (!IsFree(row.Table, holder))
            {
                continue;
            }

            row.Table.Delete(session.Db, holder);
            context.TouchTarget(row.Table, holder);
        }
    }

    private bool IsClean(EntityTable table, EntityKey key) =>
        table.ReadEntry(session.Db, key, session.Remote) is not null && table.ReadBase(session.Db, key, session.Remote) is null && !applier.IsOutstanding(new RowId(table.Number, key));

    // One push has put the row with the same unique value in the place of the one that goes: the row under another key. What waits here below it follows.
    private void LeadChildren(EntityTable table, EntityKey from, EntityKey to)
    {
        foreach (var edge in session.Model.Graph.To(table.Type).Where(e => e.TargetsKey && !e.SourceOrdinals.Any(o => e.Source.IsKey(o))))
        {
            var child = session.Table(edge.Source);
            foreach (var key in UniqueHolders.Find(session, child, edge.SourceOrdinals, from).Where(k => !IsClean(child, k) && !applier.IsOutstanding(new RowId(child.Number, k))))
            {
                var live = child.ReadLive(session.Db, key)!;
                for (var i = 0; i < edge.SourceOrdinals.Length; i++)
                {
                    live = live.With(edge.SourceOrdinals[i], to[i]);
                }

                child.Update(session.Db, live);
                session.Outbox.Touch(child, key, "M", nowMs);
                context.TouchSource(child, key);
            }
        }
    }

    private bool HoldsUniqueKey(IncomingRow row, EntityKey holder) =>
        row.Table.Type.UniqueKeys.Select(u => row.Table.Type.OrdinalsOf(u.Fields))
            .Where(ordinals => !ordinals.Any(o => row.Row![o].IsNull || row.Row[o].IsAbsent))
            .Any(ordinals => UniqueHolders.Find(session, row.Table, ordinals, new EntityKey([.. ordinals.Select(o => row.Row![o])])).Contains(holder));

    // No edit of this device is on the row, and nothing needs it: what needs it still may come away from it only with the row that is brought here.
    private bool IsFree(EntityTable table, EntityKey key) =>
        IsClean(table, key)
        && session.Model.Graph.To(table.Type).Where(e => e.TargetsKey && e.Relation.Required).All(e => UniqueHolders.Find(session, session.Table(e.Source), e.SourceOrdinals, key).Count == 0);

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
