using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>
/// Rows that are marked as deleted and that the remote no longer has. They stay in the file for the app's sake, as long as they stand in the way
/// of nothing that lives: they go for good with their parent, and when a living row needs their unique value.
/// </summary>
internal sealed class HiddenRows(StoreSession session, SyncBatchContext context)
{
    private readonly UniqueHolders _holders = new(session);

    /// <summary>What refers to a row that is taken out of the file: an optional reference is cleared, a row with a required one goes too.</summary>
    public void LeaveParent(EntityTable parent, EntityKey key)
    {
        foreach (var edge in session.Model.Graph.To(parent.Type).Where(e => e.TargetsKey && e.Source.SoftDelete is not null))
        {
            var child = session.Table(edge.Source);
            foreach (var hidden in UniqueHolders.Find(session, child, edge.SourceOrdinals, key).Where(k => IsHidden(child, k)))
            {
                if (edge.SourceOrdinals.All(o => edge.Source.Fields[o].Nullable && !edge.Source.IsKey(o)))
                {
                    var row = child.ReadLive(session.Db, hidden)!;
                    child.Update(session.Db, edge.SourceOrdinals.Aggregate(row, (r, o) => r.With(o, Value.Null)));
                }
                else
                {
                    Purge(child, hidden);
                }
            }
        }
    }

    /// <summary>Frees the unique values a pulled row needs.</summary>
    public void FreeUniqueValues(IncomingRow incoming)
    {
        var table = incoming.Table;
        if (table.Type.SoftDelete is null || incoming.Row is not { } row)
        {
            return;
        }

        foreach (var hidden in _holders.Of(table, row).Where(k => IsHidden(table, k) && table.ReadEntry(session.Db, k, session.Remote) is null).ToArray())
        {
            Purge(table, hidden);
        }
    }

    private void Purge(EntityTable table, EntityKey key)
    {
        LeaveParent(table, key);
        table.Delete(session.Db, key);
        context.TouchTarget(table, key);
    }

    private bool IsHidden(EntityTable table, EntityKey key) => LiveRows.Read(session, table, key) is { Exists: true, Visible: null };
}
