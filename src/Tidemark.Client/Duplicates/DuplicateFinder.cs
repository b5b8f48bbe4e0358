using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Duplicates;

/// <summary>Finds rows that share the values of a natural key. Reads two times through each table that has one.</summary>
internal sealed class DuplicateFinder(StoreSession session)
{
    private readonly HashSet<(int Type, string Key)> _dead = [.. session.Outbox.ReadRows().Where(c => c.Status == CommandStatus.DeadLetter).Select(c => (c.Type, c.Key))];

    public DuplicateReport Find(IReadOnlyList<DuplicateRule> rules, int limit)
    {
        var groups = new List<DuplicateGroup>();
        var total = 0;
        foreach (var table in session.Tables)
        {
            foreach (var values in Keys(table.Type, rules))
            {
                foreach (var rows in Groups(table, values))
                {
                    total++;
                    if (groups.Count < limit)
                    {
                        groups.Add(new DuplicateGroup(table.Type.Name, values.Fields, values.Of(rows[0]), [.. rows.Select(r => RowOf(table, r))]));
                    }
                }
            }
        }

        return new DuplicateReport(groups, total, IsFullyFetched(session));
    }

    /// <summary>How many groups there are by the model's natural keys.</summary>
    public static int Count(StoreSession session)
    {
        var finder = new DuplicateFinder(session);
        return session.Tables.Sum(t => Keys(t.Type, []).Sum(v => finder.Groups(t, v).Count));
    }

    /// <summary>What compares with synced rows waits for all of them.</summary>
    public static bool IsFullyFetched(StoreSession session) => session.Remotes.Read() is { Cursor: not null, Resync: null };

    // Everyone's row before one that only this device has, then by key: devices that have the same rows choose the same one.
    public int Compare(EntityTable table, EntityKey a, EntityKey b)
    {
        var bySynced = IsSynced(table, b).CompareTo(IsSynced(table, a));
        return bySynced != 0 ? bySynced : a.CompareTo(b);
    }

    public bool IsSynced(EntityTable table, EntityKey key) => table.ReadEntry(session.Db, key, session.Remote) is not null;

    private static IEnumerable<NaturalValues> Keys(EntityType type, IReadOnlyList<DuplicateRule> rules) =>
        type.NaturalKeys.Select(k => k.Fields).Concat(rules.Where(r => r.Type == type.Name).Select(r => r.Fields)).Select(f => new NaturalValues(type, f));

    private List<List<Row>> Groups(EntityTable table, NaturalValues values)
    {
        var once = new HashSet<UInt128>();
        var shared = new Dictionary<UInt128, List<Row>>();
        NaturalValues.Scan(session, table, row =>
        {
            if (values.DigestOf(row) is { } digest && !once.Add(digest))
            {
                shared.TryAdd(digest, []);
            }
        });
        if (shared.Count == 0)
        {
            return [];
        }

        NaturalValues.Scan(session, table, row =>
        {
            if (values.DigestOf(row) is { } digest && shared.TryGetValue(digest, out var rows))
            {
                rows.Add(row);
            }
        });
        var groups = shared.Values.ToList();
        groups.ForEach(g => g.Sort((a, b) => Compare(table, a.Key, b.Key)));
        groups.Sort((a, b) => a[0].Key.CompareTo(b[0].Key));
        return groups;
    }

    private DuplicateRow RowOf(EntityTable table, Row row)
    {
        var references = 0L;
        foreach (var edge in session.Model.Graph.To(table.Type))
        {
            if (MergedRows.ValuesOf(row, edge.TargetOrdinals) is { } values)
            {
                references += Dependents.Children(session, session.Table(edge.Source), edge, new EntityKey(values)).Count;
            }
        }

        var isSynced = IsSynced(table, row.Key);
        var isPending = !isSynced || table.ReadBase(session.Db, row.Key, session.Remote) is not null;
        return new DuplicateRow(row.Key, row, isSynced, isPending, _dead.Contains((table.Number, row.Key.ToString())), references);
    }
}
