using Tidemark.Client.Engines;
using Tidemark.Client.Storage;
using Tidemark.Client.Storage.Several;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Coordination.Several;

/// <summary>
/// Makes the app's tables show the joined rows, as far as they can stand: deleted ones go, a unique value belongs to the smaller key, a reference leads somewhere or
/// is not shown. A function of the joined rows alone, so all devices show the same; what is not shown as it is, is written down and tried again every time.
/// A row that the app has given values that do not fit its fields is left to it: nobody could send it yet, so nothing may stand over it.
/// </summary>
internal sealed class Projection(JoinBook book, SyncBatchContext context, IReadOnlyDictionary<(EntityTable Table, EntityKey Key), Row?> unfit, long nowMs)
{
    public const string Clash = "UNIQUE";
    public const string NoParent = "PARENT_MISSING";
    public const string Unfit = "APPLY_FAILED";
    public const string UnfitHere = "UNFIT_HERE";

    private readonly Dictionary<(EntityTable Table, EntityKey Key), Row?> _kept = new(unfit);
    private readonly Dictionary<EntityTable, SortedDictionary<string, EntityKey>> _rows = [];
    private readonly Dictionary<EntityTable, Dictionary<EntityKey, ShownOtherwise>> _otherwise = [];
    private readonly HashSet<EntityType> _moved = [];

    /// <summary>Rows inserted or updated.</summary>
    public int Applied { get; private set; }

    public int Deleted { get; private set; }

    private StoreConnection Db => book.Session.Db;

    public void Run(IEnumerable<(EntityType Type, EntityKey Key)> changed)
    {
        foreach (var (type, key) in changed)
        {
            Note(type.Name, key);
        }

        foreach (var (type, key, _) in book.ReadHidden())
        {
            if (book.Session.FindTable(type) is { } table)
            {
                Note(type, StoreSession.KeyFrom(table.Type, key));
            }
        }

        if (_rows.Count == 0 && _kept.Count == 0)
        {
            return;
        }

        foreach (var table in book.Session.Tables.Reverse().Where(_rows.ContainsKey))
        {
            foreach (var key in _rows[table].Values)
            {
                if (Target(table, key) is null)
                {
                    Remove(table, key);
                }
            }
        }

        foreach (var table in book.Session.Tables.Where(_rows.ContainsKey))
        {
            WriteRows(table);
        }

        HideOrphans();
        foreach (var ((table, key), shown) in _kept)
        {
            Note(table.Type.Name, key);
            (_otherwise.TryGetValue(table, out var rows) ? rows : _otherwise[table] = [])[key] = new ShownOtherwise(shown, UnfitHere);
        }

        foreach (var (table, keys) in _rows)
        {
            foreach (var key in keys.Values)
            {
                book.WriteShown(table.Type, key, _otherwise.GetValueOrDefault(table)?.GetValueOrDefault(key));
            }
        }
    }

    private void Note(string type, EntityKey key)
    {
        if (book.Session.FindTable(type) is { } table)
        {
            (_rows.TryGetValue(table, out var keys) ? keys : _rows[table] = new(StringComparer.Ordinal))[key.ToString()] = key;
        }
    }

    private Row? Target(EntityTable table, EntityKey key) => book.ReadJoined(table.Type, key) is { IsDeleted: false } row ? row.ToRow() : null;

    private void WriteRows(EntityTable table)
    {
        var waiting = new List<Row>();
        foreach (var key in _rows[table].Values)
        {
            if (!_kept.ContainsKey((table, key)) && Target(table, key) is { } row && !TryWrite(table, row))
            {
                waiting.Add(row);
            }
        }

        if (waiting.Count == 0)
        {
            return;
        }

        // Unique values that change hands among these rows: all let go of theirs first.
        waiting.ForEach(row => Remove(table, row.Key));
        foreach (var row in waiting.Where(row => !TryWrite(table, row)))
        {
            var holders = HoldersOf(table, row);
            if (holders.Count > 0 && holders.All(h => !_kept.ContainsKey((table, h)) && string.CompareOrdinal(h.ToString(), row.Key.ToString()) > 0))
            {
                foreach (var holder in holders)
                {
                    Hide(table, holder, null, Clash);
                }

                if (TryWrite(table, row))
                {
                    continue;
                }
            }

            Hide(table, row.Key, null, holders.Count > 0 ? Clash : Unfit);
        }
    }

    private bool TryWrite(EntityTable table, Row row)
    {
        if (!TryReadLive(table, row.Key, out var live) || (live is not null && live.SameAs(row)))
        {
            return true;
        }

        Db.Execute("SAVEPOINT _tm_show");
        try
        {
            if (live is not null)
            {
                table.Update(Db, row);
            }
            else
            {
                table.Insert(Db, row);
            }

            Db.Execute("RELEASE _tm_show");
        }
        catch (StoreException e) when (e.IsConstraint)
        {
            Db.Execute("ROLLBACK TO _tm_show");
            Db.Execute("RELEASE _tm_show");
            return false;
        }

        Applied++;
        _moved.Add(table.Type);
        context.TouchSource(table, row.Key);
        return true;
    }

    // One that does not fit and that nobody had noted is noted now.
    private bool TryReadLive(EntityTable table, EntityKey key, out Row? live)
    {
        live = null;
        if (_kept.ContainsKey((table, key)))
        {
            return false;
        }

        try
        {
            live = table.ReadLive(Db, key);
            return true;
        }
        catch (UnfitValueException)
        {
            book.Session.Outbox.Touch(table, key, "M", nowMs);
            _kept[(table, key)] = null;
            return false;
        }
    }

    private void Remove(EntityTable table, EntityKey key)
    {
        if (TryReadLive(table, key, out var live) && live is not null)
        {
            table.Delete(Db, key);
            Deleted++;
            _moved.Add(table.Type);
            context.TouchTarget(table, key);
        }
    }

    private void Hide(EntityTable table, EntityKey key, Row? shown, string cause)
    {
        if (shown is null)
        {
            Remove(table, key);
        }

        Note(table.Type.Name, key);
        (_otherwise.TryGetValue(table, out var rows) ? rows : _otherwise[table] = [])[key] = new ShownOtherwise(shown, cause);
    }

    private List<EntityKey> HoldersOf(EntityTable table, Row row)
    {
        var holders = new List<EntityKey>();
        foreach (var unique in table.Type.UniqueKeys)
        {
            var ordinals = table.Type.OrdinalsOf(unique.Fields);
            if (ordinals.Any(o => row[o].IsNull))
            {
                continue;
            }

            var where = string.Join(" AND ", ordinals.Select((o, i) => $"{table.ColumnOf(o)} = ?{i + 1}"));
            holders.AddRange(Db.Query($"SELECT {string.Join(", ", table.KeyColumns)} FROM {table.Name} WHERE {where}", s => table.KeyAt(s, 0), [.. ordinals.Select(o => table.Stored(o, row[o]))])
                .Where(k => k != row.Key));
        }

        return [.. holders.Distinct()];
    }

    // Until nothing more goes: a row that is hidden takes those with it that cannot be without it.
    private void HideOrphans()
    {
        for (var goesOn = true; goesOn;)
        {
            goesOn = false;
            foreach (var table in book.Session.Tables)
            {
                foreach (var relation in table.Type.Relations)
                {
                    if (book.Session.FindTable(relation.Target) is { } target && (_moved.Contains(table.Type) || _moved.Contains(target.Type)))
                    {
                        goesOn |= HideOrphans(table, relation, target);
                    }
                }
            }
        }
    }

    private bool HideOrphans(EntityTable table, Relation relation, EntityTable target)
    {
        var from = table.Type.OrdinalsOf(relation.Fields);
        var to = relation.TargetFields.Count == 0 ? [.. target.Type.KeyOrdinals] : target.Type.OrdinalsOf(relation.TargetFields);
        var all = string.Join(" AND ", from.Select(o => $"c.{table.ColumnOf(o)} IS NOT NULL"));
        var match = string.Join(" AND ", from.Select((o, i) => $"p.{target.ColumnOf(to[i])} = c.{table.ColumnOf(o)}"));
        var orphans = Db.Query(
            $"SELECT {string.Join(", ", table.KeyColumns.Select(k => "c." + k))} FROM {table.Name} AS c WHERE {all} AND NOT EXISTS(SELECT 1 FROM {target.Name} AS p WHERE {match})", s => table.KeyAt(s, 0));
        var hidden = 0;
        foreach (var key in orphans)
        {
            if (!TryReadLive(table, key, out var row) || row is null)
            {
                continue;
            }

            hidden++;
            var canLetGo = !relation.Required && from.All(o => table.Type.Fields[o].Nullable && !table.Type.IsKey(o));
            var shown = canLetGo ? from.Aggregate(row, (shown, o) => shown.With(o, Value.Null)) : null;
            Hide(table, key, shown, NoParent);
            if (shown is not null)
            {
                table.Update(Db, shown);
                context.TouchSource(table, key);
            }
        }

        return hidden > 0;
    }
}
