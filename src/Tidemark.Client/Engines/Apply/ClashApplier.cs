using Tidemark.Client.Storage;

namespace Tidemark.Client.Engines.Apply;

/// <summary>
/// Applies rows whose unique values are still held by others. When the holders are themselves among these rows (a swap, a chain),
/// all step aside first; a value held by an edit of this device is waited for.
/// </summary>
internal sealed class ClashApplier(StoreSession session, RowApplier applier, SyncBatchContext context)
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
