using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
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
    private readonly FollowingChildren _children = new(session, applier, context, nowMs);

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
            var outcome = Alone(row);
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

    // The holder may have moved on meanwhile. Where the row cannot come, whoever was to make room for it, or to go below it, stays.
    private ApplyOutcome Alone(IncomingRow row)
    {
        var holders = GoingHoldersOf(row);
        if (holders.Length == 0)
        {
            return applier.Upsert(row); // Nothing to undo, and a savepoint has SQLite keep a copy of each page that is written.
        }

        session.Db.Execute("SAVEPOINT alone");
        var isMadeFree = FreeFrom(row, holders);
        var outcome = applier.Upsert(row);
        if (isMadeFree && outcome is ApplyOutcome.Clash or ApplyOutcome.PutAside)
        {
            session.Db.Execute("ROLLBACK TO alone");
            applier.Return(row);
            outcome = ApplyOutcome.Clash;
        }

        session.Db.Execute("RELEASE alone");
        return outcome;
    }

    private EntityKey[] GoingHoldersOf(IncomingRow row) =>
        going.Count == 0 ? [] : [.. _holders.Of(row.Table, row.Row!).Where(k => going.ContainsKey(new RowId(row.Table.Number, k)))];

    // Their deletion comes last, children first: they may be waiting for the very row that needs its unique value. Was anything changed?
    private bool FreeFrom(IncomingRow row, EntityKey[] holders)
    {
        var changed = false;
        foreach (var holder in holders)
        {
            changed |= _children.Lead(row, holder, going[new RowId(row.Table.Number, holder)]);

            if (!IsFree(row.Table, holder))
            {
                continue;
            }

            row.Table.Delete(session.Db, holder);
            context.TouchTarget(row.Table, holder);
            changed = true;
        }

        return changed;
    }

    // No edit of this device is on the row, and nothing needs it: what needs it still may come away from it only with the row that is brought here.
    private bool IsFree(EntityTable table, EntityKey key) =>
        _children.IsClean(table, key)
        && session.Model.Graph.To(table.Type).Where(e => e.TargetsKey && e.Relation.Required).All(e => UniqueHolders.Find(session, session.Table(e.Source), e.SourceOrdinals, key).Count == 0);

    // What stands under the key is the row that comes, as it was: also when it was deleted there, lives on here for an edit, and has come back there.
    private bool IsOlderOne(IncomingRow row) =>
        row.Type.Identity != IdentityModel.ServerAssigned || row.Table.ReadEntry(session.Db, row.Key, session.Remote) is not null || session.Tombstones.VersionOf(row.Table.Number, row.Key) != 0;

    private bool TogetherInSavepoint(List<IncomingRow> rows, Action<IncomingRow, ApplyOutcome> done)
    {
        session.Db.Execute("SAVEPOINT clash");
        var outcomes = new List<ApplyOutcome>();
        rows.ForEach(r => FreeFrom(r, GoingHoldersOf(r)));
        foreach (var row in rows.Where(IsOlderOne))
        {
            applier.StepAside(row);
        }

        foreach (var row in rows)
        {
            var outcome = applier.Upsert(row);
            if (outcome is ApplyOutcome.Clash or ApplyOutcome.PutAside || applier.IsAway(row))
            {
                session.Db.Execute("ROLLBACK TO clash");
                session.Db.Execute("RELEASE clash");
                rows.ForEach(r => applier.Return(r));
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
