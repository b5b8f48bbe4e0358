using Tidemark.Client.Storage;
using Tidemark.Model.Cursors;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines;

/// <summary>What one run touched, for the gate, the report and the announcement; in memory, one per run.</summary>
public sealed class SyncBatchContext(Guid batchId)
{
    private readonly Dictionary<int, HashSet<EntityKey>> _sources = [];
    private readonly Dictionary<int, HashSet<EntityKey>> _targets = [];
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

    public void TouchSource(EntityTable table, EntityKey key)
    {
        Add(_sources, table.Number, key);
        ChangedTypes.Add(table.Type.Name);
    }

    public void TouchTarget(EntityTable table, EntityKey key)
    {
        Add(_targets, table.Number, key);
        ChangedTypes.Add(table.Type.Name);
    }

    /// <summary>After a gate has passed and its transaction is committed.</summary>
    public void ClearTouched()
    {
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

    private static void Add(Dictionary<int, HashSet<EntityKey>> ids, int type, EntityKey key)
    {
        if (!ids.TryGetValue(type, out var keys))
        {
            ids[type] = keys = [];
        }

        keys.Add(key);
    }
}
