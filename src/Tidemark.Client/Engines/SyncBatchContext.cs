using Tidemark.Client.Coordination.Announcing;
using Tidemark.Client.Storage;
using Tidemark.Model.Cursors;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines;

/// <summary>What one run touched, for the gate, the report and the announcement; in memory, one per run.</summary>
public sealed class SyncBatchContext(Guid batchId)
{
    private readonly Dictionary<int, HashSet<EntityKey>> _sources = [];
    private readonly Dictionary<int, HashSet<EntityKey>> _targets = [];
    private readonly Dictionary<int, EntityTable> _tables = [];
    private readonly List<(EntityTable Table, EntityKey Old, EntityKey New)> _replaced = [];
    private readonly SortedDictionary<string, EntityCursor> _deferred = new(StringComparer.Ordinal);
    private readonly Dictionary<RowId, int> _returns = [];

    public Guid BatchId { get; } = batchId;

    /// <summary>Rows written since the last gate, by type number: their references are checked.</summary>
    public IReadOnlyDictionary<int, HashSet<EntityKey>> TouchedSourceIds => _sources;

    /// <summary>Rows deleted or renamed since the last gate, by type number: who refers to them is checked.</summary>
    public IReadOnlyDictionary<int, HashSet<EntityKey>> TouchedTargetIds => _targets;

    /// <summary>Cursors that are committed when apply and gate have passed.</summary>
    public IReadOnlyDictionary<string, EntityCursor> DeferredCursors => _deferred;

    /// <summary>Types whose rows changed, for the invalidation.</summary>
    public SortedSet<string> ChangedTypes { get; } = new(StringComparer.Ordinal);

    /// <summary>What passed its gate, for those who keep copies.</summary>
    internal ChangeCollector Changes { get; } = new();

    public void TouchSource(EntityTable table, EntityKey key)
    {
        Add(_sources, table, key);
        ChangedTypes.Add(table.Type.Name);
    }

    public void TouchTarget(EntityTable table, EntityKey key)
    {
        Add(_targets, table, key);
        ChangedTypes.Add(table.Type.Name);
    }

    /// <summary>A row has another id.</summary>
    internal void Replaced(EntityTable table, EntityKey old, EntityKey @new)
    {
        TouchTarget(table, old);
        TouchSource(table, @new);
        _replaced.Add((table, old, @new));
    }

    /// <summary>After a gate has passed.</summary>
    public void ClearTouched()
    {
        foreach (var (type, keys) in _sources.Concat(_targets))
        {
            Changes.Add(_tables[type], keys);
        }

        foreach (var (table, old, @new) in _replaced)
        {
            Changes.AddReplaced(table, old, @new);
        }

        _replaced.Clear();
        _sources.Clear();
        _targets.Clear();
    }

    /// <exception cref="CursorBackwardException">The cursor lies before one that was deferred already.</exception>
    public void DeferCursor(string type, EntityCursor cursor) =>
        _deferred[type] = _deferred.TryGetValue(type, out var former) ? former.Advance(type, cursor) : cursor;

    public void ClearDeferred() => _deferred.Clear();

    /// <summary>How often a row has come back in this run; bounds the rounds of one run.</summary>
    public int CountReturn(RowId id) => _returns[id] = _returns.GetValueOrDefault(id) + 1;

    public int ReturnsOf(RowId id) => _returns.GetValueOrDefault(id);

    private void Add(Dictionary<int, HashSet<EntityKey>> ids, EntityTable table, EntityKey key)
    {
        if (!ids.TryGetValue(table.Number, out var keys))
        {
            ids[table.Number] = keys = [];
            _tables[table.Number] = table;
        }

        keys.Add(key);
    }
}
