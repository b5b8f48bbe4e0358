using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Apply;

/// <summary>Whether a pulled reference meets its parent.</summary>
internal enum ParentPresence
{
    Missing,

    /// <summary>A row with that key is here, but no remote has shown it.</summary>
    Unsynced,
    Present,
}

/// <summary>Looks up parents of pulled rows; remembers the ones found.</summary>
internal sealed class ParentLookup(StoreSession session)
{
    private const int KnownMax = 100_000;
    private readonly HashSet<RowId> _known = [];

    public void Add(RowId id)
    {
        if (_known.Count < KnownMax && session.Model.Graph.To(session.FindTable(id.Type)!.Type).Count > 0)
        {
            _known.Add(id);
        }
    }

    public void Forget(RowId id) => _known.Remove(id);

    public ParentPresence Find(RelationEdge edge, EntityKey target)
    {
        var table = session.Table(edge.Target);
        var id = new RowId(table.Number, target);
        if (!edge.TargetsKey)
        {
            return FindByFields(table, edge, target);
        }

        if (_known.Contains(id))
        {
            return ParentPresence.Present;
        }

        if (!table.LiveExists(session.Db, target))
        {
            return ParentPresence.Missing;
        }

        if (table.ReadEntry(session.Db, target, session.Remote) is null)
        {
            if (session.Owners is { } owners && owners.OwnerOf(table, target) != session.Remote)
            {
                if (owners.IsPublic(table, target))
                {
                    return ParentPresence.Present;
                }

                return ParentPresence.Missing; // A row of another space is nobody's parent in this one.
            }

            return ParentPresence.Unsynced;
        }

        Add(id);
        return ParentPresence.Present;
    }

    private ParentPresence FindByFields(EntityTable table, RelationEdge edge, EntityKey values)
    {
        var match = string.Join(" AND ", edge.TargetOrdinals.Select((o, i) => $"{table.ColumnOf(o)} = ?{i + 1}"));
        var statement = session.Db.Prepare($"SELECT 1 FROM {table.Name} WHERE {match}");
        for (var i = 0; i < values.Count; i++)
        {
            statement.Bind(i + 1, table.Stored(edge.TargetOrdinals[i], values[i]));
        }

        var exists = statement.Step();
        statement.Reset();
        return exists ? ParentPresence.Present : ParentPresence.Missing;
    }
}
