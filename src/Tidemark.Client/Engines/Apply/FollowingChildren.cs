using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>
/// One push has put a row with the same unique value in the place of one that goes: it is that row under another key. What waits here below the former key
/// follows, in the savepoint in which the row comes: where it cannot come, nothing has moved.
/// </summary>
internal sealed class FollowingChildren(StoreSession session, RowApplier applier, SyncBatchContext context, long nowMs)
{
    /// <summary>Did any follow?</summary>
    /// <param name="row">That comes.</param>
    /// <param name="former">The key of the row that goes.</param>
    /// <param name="goneVersion">Of its deletion.</param>
    /// <param name="alsoRefused">What was refused because its parent is gone there, and is sent anew below the key that it has now.</param>
    public bool Lead(IncomingRow row, EntityKey former, long goneVersion, bool alsoRefused = false)
    {
        var changed = false;
        if (goneVersion != row.Version || !IsClean(row.Table, former) || !HoldsUniqueKey(row, former))
        {
            return changed;
        }

        foreach (var edge in session.Model.Graph.To(row.Table.Type).Where(e => e.TargetsKey && !e.SourceOrdinals.Any(o => e.Source.IsKey(o))))
        {
            var child = session.Table(edge.Source);
            foreach (var key in UniqueHolders.Find(session, child, edge.SourceOrdinals, former).Where(k => !IsClean(child, k)))
            {
                var id = new RowId(child.Number, key);
                if (applier.StatusOf(id) is { } status)
                {
                    if (!alsoRefused || status != CommandStatus.Failed)
                    {
                        continue;
                    }

                    session.Outbox.EndRefused(id, Counters.Folded);
                    applier.ForgetCommand(id);
                }

                var live = child.ReadLive(session.Db, key)!;
                for (var i = 0; i < edge.SourceOrdinals.Length; i++)
                {
                    live = live.With(edge.SourceOrdinals[i], row.Key[i]);
                }

                child.Update(session.Db, live);
                session.Outbox.Touch(child, key, "M", nowMs);
                context.TouchSource(child, key);
                changed = true;
            }
        }

        return changed;
    }

    /// <summary>Does the deleted row go on under another key, and cannot come under it yet?</summary>
    public bool IsAwaited(IncomingRow deletion) =>
        session.HasAside && session.Aside.ReadAll().Where(a => a.Cause == AsideCause.UniqueClash && a.Version == deletion.Version && a.Type == deletion.Table.Type.Name)
            .Select(a => IncomingRow.FromAside(session, a)).Any(r => r is { Row: not null } && HoldsUniqueKey(r, deletion.Key));

    /// <summary>Is the row as the remote has shown it, with nothing on its way?</summary>
    public bool IsClean(EntityTable table, EntityKey key) =>
        table.ReadEntry(session.Db, key, session.Remote) is not null && table.ReadBase(session.Db, key, session.Remote) is null && !applier.IsOutstanding(new RowId(table.Number, key));

    private bool HoldsUniqueKey(IncomingRow row, EntityKey holder) =>
        row.Table.Type.UniqueKeys.Select(u => row.Table.Type.OrdinalsOf(u.Fields))
            .Where(ordinals => !ordinals.Any(o => row.Row![o].IsNull || row.Row[o].IsAbsent))
            .Any(ordinals => UniqueHolders.Find(session, row.Table, ordinals, new EntityKey([.. ordinals.Select(o => row.Row![o])])).Contains(holder));
}
