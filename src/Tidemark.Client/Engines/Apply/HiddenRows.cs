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
    /// <summary>What refers to a row that is taken out of the file: an optional reference is cleared, a row with a required one goes too.</summary>
    public void LeaveParent(EntityTable parent, EntityKey key)
    {
        foreach (var edge in session.Model.Graph.To(parent.Type).Where(e => e.TargetsKey && e.Source.SoftDelete is not null))
        {
            var child = session.Table(edge.Source);
            foreach (var hidden in Find(child, edge.SourceOrdinals, key))
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
        var type = incoming.Table.Type;
        if (type.SoftDelete is null || incoming.Row is not { } row)
        {
            return;
        }

        foreach (var ordinals in type.UniqueKeys.Select(u => type.OrdinalsOf(u.Fields)).Where(os => !os.Any(o => row[o].IsNull || row[o].IsAbsent)))
        {
            var values = new EntityKey([.. ordinals.Select(o => row[o])]);
            foreach (var hidden in Find(incoming.Table, ordinals, values).Where(k => k != incoming.Key && incoming.Table.ReadEntry(session.Db, k, session.Remote) is null))
            {
                Purge(incoming.Table, hidden);
            }
        }
    }

    private void Purge(EntityTable table, EntityKey key)
    {
        LeaveParent(table, key);
        table.Delete(session.Db, key);
        context.TouchTarget(table, key);
    }

    private List<EntityKey> Find(EntityTable table, IReadOnlyList<int> ordinals, EntityKey values)
    {
        var match = string.Join(" AND ", ordinals.Select((o, i) => $"{table.ColumnOf(o)} = ?{i + 1}"));
        var stored = ordinals.Select((o, i) => table.Stored(o, values[i])).ToArray();
        return [.. session.Db.Query($"SELECT {string.Join(", ", table.KeyColumns)} FROM {table.Name} WHERE {match}", s => table.KeyAt(s, 0), stored)
            .Where(k => LiveRows.Read(session, table, k) is { Exists: true, Visible: null })];
    }
}
