using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Coordination.Announcing;

/// <summary>Gathers what a run changed, bounded: of very many rows only the type is kept.</summary>
internal sealed class ChangeCollector
{
    /// <summary>More ids of a type than this are "all of them".</summary>
    public const int IdsMax = 1000;

    private readonly SortedDictionary<string, Changes> _types = new(StringComparer.Ordinal);

    public void Add(EntityTable table, IEnumerable<EntityKey> keys)
    {
        if (!_types.TryGetValue(table.Type.Name, out var changes))
        {
            _types[table.Type.Name] = changes = new Changes();
        }

        foreach (var key in keys)
        {
            if (changes.Ids is null)
            {
                return;
            }

            changes.Ids.Add(key);
            changes.Ids = changes.Ids.Count > IdsMax ? null : changes.Ids;
        }
    }

    public void AddReplaced(EntityTable table, EntityKey old, EntityKey @new)
    {
        Add(table, [old, @new]);
        var replaced = _types[table.Type.Name].Replaced;
        if (replaced.Count < IdsMax)
        {
            replaced.Add(new IdReplacement(old, @new));
        }
    }

    /// <summary>What there is, and nothing of it is kept; null when there is nothing.</summary>
    public Invalidation? Take(InvalidationSource source)
    {
        if (_types.Count == 0)
        {
            return null;
        }

        var taken = new Invalidation(source, [.. _types.Select(t => new TypeInvalidation(t.Key, t.Value.Ids is { } ids ? [.. ids] : null, t.Value.Replaced))]);
        _types.Clear();
        return taken;
    }

    private sealed class Changes
    {
        public HashSet<EntityKey>? Ids { get; set; } = [];

        public List<IdReplacement> Replaced { get; } = [];
    }
}
