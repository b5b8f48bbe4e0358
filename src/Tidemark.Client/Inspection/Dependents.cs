using Tidemark.Client.Engines.Push;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inspection;

/// <summary>A row that waits for a dead letter.</summary>
internal sealed record Dependent(EntityTable Table, EntityKey Key, bool DeletedHere);

/// <summary>The closed set of rows behind a dead letter: never-synced children of a row that was not made, or is not there any more, and those that were moved to it, deleted children of a row that was not deleted.</summary>
internal static class Dependents
{
    public static IReadOnlyList<Dependent> Of(StoreSession s, StoredCommand command)
    {
        if (s.FindTable(command.Type) is not { } table)
        {
            return [];
        }

        var isNotThere = command is { Operation: Operation.Create } or { Operation: Operation.Offer, Sent: not null } or { Operation: Operation.Update, LastCode: ErrorCodes.RowGone }
            || (command.Operation == Operation.Rekey && table.ReadEntry(s.Db, PushCommandKeys.FormerKeyOf(table.Type, command.Payload), s.Remote) is null);
        if (!isNotThere && command.Operation != Operation.Delete)
        {
            return [];
        }

        var found = new List<Dependent>();
        var seen = new HashSet<RowId>();
        var open = new Queue<(EntityTable Table, EntityKey Key)>();
        open.Enqueue((table, StoreSession.KeyFrom(table.Type, command.Key)));
        while (open.TryDequeue(out var parent))
        {
            foreach (var edge in s.Model.Graph.To(parent.Table.Type).Where(e => e.Relation.Required && e.TargetsKey))
            {
                var child = s.Table(edge.Source);
                var keys = isNotThere ? UnsyncedChildren(s, child, edge, parent.Key) : DeletedChildren(s, child, edge, parent.Key);
                foreach (var key in keys.Where(k => seen.Add(new RowId(child.Number, k))))
                {
                    found.Add(new Dependent(child, key, DeletedHere: !isNotThere));
                    open.Enqueue((child, key));
                }

                if (isNotThere)
                {
                    found.AddRange(MovedChildren(s, child, edge, parent.Key).Where(k => seen.Add(new RowId(child.Number, k))).Select(k => new Dependent(child, k, DeletedHere: false)));
                }
            }
        }

        return found;
    }

    private static IEnumerable<EntityKey> UnsyncedChildren(StoreSession s, EntityTable child, RelationEdge edge, EntityKey parent) =>
        Children(s, child, edge, parent).Where(k => child.ReadEntry(s.Db, k, s.Remote) is null);

    private static IEnumerable<EntityKey> MovedChildren(StoreSession s, EntityTable child, RelationEdge edge, EntityKey parent) =>
        Children(s, child, edge, parent).Where(k => IsMoved(s, child, k, edge, parent));

    /// <summary>Does a row the remote has shown refer to this parent only by an edit made here?</summary>
    public static bool IsMoved(StoreSession s, EntityTable child, EntityKey key, RelationEdge edge, EntityKey parent) =>
        child.ReadEntry(s.Db, key, s.Remote) is not null && child.ReadBase(s.Db, key, s.Remote) is { } @base && PushPlanner.KeyIn(@base, edge) != parent;

    /// <summary>Keys of the rows here that refer to a row.</summary>
    public static List<EntityKey> Children(StoreSession s, EntityTable child, RelationEdge edge, EntityKey parent)
    {
        var match = string.Join(" AND ", edge.SourceOrdinals.Select((o, i) => $"{child.ColumnOf(o)} = ?{i + 1}"));
        return Query(s, $"SELECT {string.Join(", ", child.KeyColumns)} FROM {child.Name} WHERE {match}", child, edge, parent);
    }

    private static List<EntityKey> DeletedChildren(StoreSession s, EntityTable child, RelationEdge edge, EntityKey parent)
    {
        var match = string.Join(" AND ", edge.SourceOrdinals.Select((o, i) => $"c{o} = ?{i + 1}"));
        return [.. Query(s, $"SELECT {child.MetaKeys} FROM {child.BaseTable} WHERE {match}", child, edge, parent)
            .Where(k => !child.LiveExists(s.Db, k))];
    }

    private static List<EntityKey> Query(StoreSession s, string sql, EntityTable child, RelationEdge edge, EntityKey parent)
    {
        var values = new Value[parent.Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = child.Stored(edge.SourceOrdinals[i], parent[i]);
        }

        return s.Db.Query(sql, st => child.KeyAt(st, 0), values);
    }
}
