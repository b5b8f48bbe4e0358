using Npgsql;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Server.PostgreSql.Reading;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Writing;

/// <summary>
/// The rows a transaction has read or written. Writes stay here until the position is taken, so that a push of thousands of rows costs a few statements;
/// reads see them. What a savepoint is to take back is kept as steps to undo.
/// </summary>
internal sealed class RowBook(TypeCatalog types, SpaceId space)
{
    private readonly Dictionary<EntityType, (TypeQueries Queries, Dictionary<EntityKey, RowEntry> Entries)> _entries = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<(EntityType Type, string Fields), Holders> _holders = [];
    private readonly Dictionary<EntityType, List<RowEntry>> _dirty = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<EntityType, int> _taken = new(ReferenceEqualityComparer.Instance);
    private RowEntry? _last;

    /// <summary>Steps that take back what was done since the savepoint, the last one first; null when there is none.</summary>
    public Stack<Action>? Undo { get; set; }

    public bool HasChanged { get; private set; }

    public IEnumerable<(TypeQueries Type, List<RowEntry> Entries)> Dirty =>
        _dirty.Select(d => (Type: types.Of(d.Key), Entries: d.Value.FindAll(e => e.IsDirty))).Where(d => d.Entries.Count > 0).OrderBy(d => d.Type.Type.Name, StringComparer.Ordinal);

    /// <summary>
    /// New rows of one type that may be sent while others are still decided on; null while they are few. They count as sent. A row that is written again is
    /// written over.
    /// </summary>
    public (TypeQueries Type, List<StoredRow> Rows)? TakeNew(int rowsMin)
    {
        foreach (var (type, entries) in _dirty)
        {
            var from = _taken.GetValueOrDefault(type);
            if (entries.Count - from >= rowsMin && types.Of(type) is var queries && RowCopy.Serves(queries))
            {
                _taken[type] = entries.Count;
                var taken = entries.GetRange(from, entries.Count - from).FindAll(e => e is { IsDirty: true, IsNew: true, StoredGone: null });
                taken.ForEach(e => e.Sent = e.Row);
                if (taken.Count > 0)
                {
                    return (queries, taken.ConvertAll(e => e.Row!));
                }
            }
        }

        return null;
    }

    public RowEntry Entry(EntityType type, EntityKey key, int roomFor = 0)
    {
        // A command asks for its row a few times in a row.
        if (_last is { } last && ReferenceEquals(last.Type.Type, type) && last.Key == key)
        {
            return last;
        }

        if (!_entries.TryGetValue(type, out var known))
        {
            _entries[type] = known = (types.Of(type), new(roomFor));
        }

        var folded = known.Queries.Folded(key);
        if (!known.Entries.TryGetValue(folded, out var entry))
        {
            known.Entries[folded] = entry = new RowEntry(known.Queries, key);
        }

        return _last = entry;
    }

    /// <summary>The entries of rows that are about to be asked for, each once.</summary>
    public List<RowEntry> Unloaded(IReadOnlyCollection<(EntityType Type, EntityKey Key)> rows)
    {
        var unloaded = new List<RowEntry>(rows.Count);
        foreach (var (type, key) in rows)
        {
            if (Entry(type, key, rows.Count) is { IsLoaded: false, IsPlanned: false } entry)
            {
                entry.IsPlanned = true;
                unloaded.Add(entry);
            }
        }

        return unloaded;
    }

    /// <summary>What tells of entries that are hoped to be new whether any is there, one statement for each type; and reads the others. Those of which it was not told that they are new are loaded then.</summary>
    public IEnumerable<PlannedRead> LoadOrProbe(IEnumerable<RowEntry> entries, ISet<EntityType> met)
    {
        foreach (var group in entries.Where(e => !e.IsLoaded).GroupBy(e => e.Type))
        {
            var wanted = group.ToList();
            if (met.Contains(group.Key.Type) || group.Key.AnyWithin(space, wanted.ConvertAll(e => e.Key)) is not { } probe)
            {
                foreach (var read in Load(wanted))
                {
                    yield return read;
                }

                continue;
            }

            yield return new PlannedRead(probe, async (reader, token) =>
            {
                var isAny = !await reader.ReadAsync(token).ConfigureAwait(false) || reader.GetBoolean(0);
                group.Key.Met(isAny);
                wanted.ForEach(e => e.IsLoaded |= !isAny);
            });
        }
    }

    /// <summary>What reads the entries that are not loaded: two statements for each type.</summary>
    public IEnumerable<PlannedRead> Load(IEnumerable<RowEntry> entries)
    {
        foreach (var group in entries.Where(e => !e.IsLoaded).Distinct().GroupBy(e => e.Type))
        {
            var wanted = group.ToList();
            var keys = wanted.ConvertAll(e => e.Key);
            yield return new PlannedRead(group.Key.Find(space, keys), async (reader, token) =>
            {
                while (await reader.ReadAsync(token).ConfigureAwait(false))
                {
                    var entry = wanted[(int)reader.GetInt64(0) - 1];
                    entry.Row = entry.StoredRow = group.Key.StoredAt(reader, 1);
                }
            });
            yield return new PlannedRead(group.Key.FindGone(space, keys), async (reader, token) =>
            {
                while (await reader.ReadAsync(token).ConfigureAwait(false))
                {
                    var entry = wanted[(int)reader.GetInt64(0) - 1];
                    entry.Gone = entry.StoredGone = group.Key.TombstoneAt(reader, 1);
                }

                wanted.ForEach(e => e.IsLoaded = true);
            });
        }
    }

    /// <summary>What reads the holders of sets of values that are not known yet.</summary>
    public IEnumerable<PlannedRead> LoadHolders(EntityType type, int[] ordinals, IEnumerable<EntityKey> sets)
    {
        var holders = HoldersOf(type, ordinals);
        var queries = types.Of(type);
        var wanted = sets.DistinctBy(s => queries.FoldedValues(ordinals, s.Parts)).Where(s => !holders.Stored.ContainsKey(queries.FoldedValues(ordinals, s.Parts))).ToList();
        if (wanted.Count == 0)
        {
            yield break;
        }

        yield return new PlannedRead(queries.FindKeys(space, ordinals, wanted.ConvertAll(s => s.Parts.ToArray())), async (reader, token) =>
        {
            var lists = wanted.ConvertAll(_ => new List<EntityKey>());
            while (await reader.ReadAsync(token).ConfigureAwait(false))
            {
                lists[(int)reader.GetInt64(0) - 1].Add(queries.KeyAt(reader, 1));
            }

            for (var i = 0; i < lists.Count; i++)
            {
                holders.Stored[queries.FoldedValues(ordinals, wanted[i].Parts)] = lists[i];
            }
        });
    }

    /// <summary>The keys of live rows that hold these values: those of the database that were not written since, and those written here.</summary>
    public List<EntityKey> FindHolders(EntityType type, int[] ordinals, ReadOnlySpan<Value> values)
    {
        var queries = types.Of(type);
        var set = queries.FoldedValues(ordinals, values);
        var holders = HoldersOf(type, ordinals);
        var keys = holders.Stored[set].Where(k => !IsDirty(type, queries, k)).ToList();
        if (holders.Written.TryGetValue(set, out var written))
        {
            keys.AddRange(written.Select(e => e.Row!.Row.Key));
        }

        keys.Sort();
        return keys;
    }

    /// <summary>The highest whole number that is a key written here, of a row or a tombstone.</summary>
    public long HighestWritten(EntityType type) =>
        DirtyOf(type).Where(e => e.IsDirty && e.Key[0].Kind == ValueKind.Integer).Select(e => e.Key[0].AsInteger).DefaultIfEmpty().Max();

    public void Upsert(RowEntry entry, Row row, long version, RowOrigin origin)
    {
        var madeBy = entry.Row is { } stored ? stored.Origin.MadeBy : origin.MadeBy;
        Set(entry, new StoredRow(Stored(entry, row), version, origin with { MadeBy = madeBy }), null);
    }

    public void Delete(RowEntry entry, EntityKey key, long version, RowOrigin origin)
    {
        var madeBy = origin.Moved ? null : entry.Row?.Origin.MadeBy ?? entry.Gone?.Origin.MadeBy ?? origin.MadeBy;
        Set(entry, null, new Tombstone(key, version, origin with { MadeBy = madeBy, Moved = false }));
    }

    private static bool HasAbsent(Row row)
    {
        foreach (ref readonly var value in row.Values)
        {
            if (value.IsAbsent)
            {
                return true;
            }
        }

        return false;
    }

    private static Row Stored(RowEntry entry, Row row)
    {
        if (entry.Row is null && !HasAbsent(row))
        {
            return row;
        }

        var values = row.Values.ToArray();
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = values[i].IsAbsent ? Value.Null : values[i];
            if (entry.Row is { } live && row.Type.IsKey(i))
            {
                values[i] = live.Row[i]; // A key that is spelled otherwise is the same key.
            }
        }

        return new Row(row.Type, values);
    }

    private void Set(RowEntry entry, StoredRow? row, Tombstone? gone)
    {
        if (Undo is { } undo)
        {
            var (formerRow, formerGone, wasDirty, hadChanged) = (entry.Row, entry.Gone, entry.IsDirty, HasChanged);
            undo.Push(() =>
            {
                Replace(entry, formerRow, formerGone, wasDirty);
                HasChanged = hadChanged;
            });
        }

        HasChanged = true;
        Replace(entry, row, gone, isDirty: true);
    }

    private void Replace(RowEntry entry, StoredRow? row, Tombstone? gone, bool isDirty)
    {
        var type = entry.Type.Type;
        foreach (var ((of, _), holders) in _holders)
        {
            if (ReferenceEquals(of, type))
            {
                holders.Leave(entry);
            }
        }

        if (!entry.IsDirty && isDirty)
        {
            DirtyOf(type).Add(entry);
        }
        else if (entry.IsDirty && !isDirty)
        {
            DirtyOf(type).Remove(entry);
        }

        (entry.Row, entry.Gone, entry.IsDirty) = (row, gone, isDirty);
        foreach (var ((of, _), holders) in _holders)
        {
            if (ReferenceEquals(of, type))
            {
                holders.Join(entry);
            }
        }
    }

    private bool IsDirty(EntityType type, TypeQueries queries, EntityKey key) =>
        _entries.TryGetValue(type, out var known) && known.Entries.TryGetValue(queries.Folded(key), out var entry) && entry.IsDirty;

    private List<RowEntry> DirtyOf(EntityType type)
    {
        if (!_dirty.TryGetValue(type, out var dirty))
        {
            _dirty[type] = dirty = [];
        }

        return dirty;
    }

    private Holders HoldersOf(EntityType type, int[] ordinals)
    {
        var name = (type, string.Join(',', ordinals));
        if (!_holders.TryGetValue(name, out var holders))
        {
            _holders[name] = holders = new Holders(types.Of(type), ordinals);
            foreach (var entry in DirtyOf(type).Where(e => e.IsDirty))
            {
                holders.Join(entry);
            }
        }

        return holders;
    }

    // Who holds which values: as the database said, and what was written since.
    private sealed class Holders(TypeQueries type, int[] ordinals)
    {
        public Dictionary<EntityKey, List<EntityKey>> Stored { get; } = [];

        public Dictionary<EntityKey, HashSet<RowEntry>> Written { get; } = [];

        public void Join(RowEntry entry)
        {
            if (SetOf(entry) is { } set)
            {
                if (!Written.TryGetValue(set, out var written))
                {
                    Written[set] = written = [];
                }

                written.Add(entry);
            }
        }

        public void Leave(RowEntry entry)
        {
            if (SetOf(entry) is { } set && Written.TryGetValue(set, out var written))
            {
                written.Remove(entry);
            }
        }

        private EntityKey? SetOf(RowEntry entry)
        {
            if (!entry.IsDirty || entry.Row is not { } row)
            {
                return null;
            }

            var values = new Value[ordinals.Length];
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = row.Row[ordinals[i]];
                if (values[i].IsNull)
                {
                    return null;
                }
            }

            return type.FoldedValues(ordinals, values);
        }
    }
}
