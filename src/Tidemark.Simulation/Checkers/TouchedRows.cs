using Tidemark.Model.Values;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Checkers;

/// <summary>Which rows differ between two images, and on which rows they hang.</summary>
internal static class TouchedRows
{
    public static HashSet<string> Between(RandomSchema schema, DatabaseImage before, DatabaseImage after)
    {
        var touched = new HashSet<string>(StringComparer.Ordinal);
        var now = new HashSet<string>(StringComparer.Ordinal); // On its own: a row that hangs elsewhere now leads to other parents than before.
        foreach (var table in schema.Tables)
        {
            AddDifferent(table, before, after, touched);
            AddDifferent(table, after, before, now);
        }

        foreach (var table in schema.Tables)
        {
            AddReferring(schema, table, before, after, now);
        }

        touched.UnionWith(now);
        return touched;
    }

    // Another row stands under the key: what refers to it means that one from now on.
    private static void AddReferring(RandomSchema schema, TableShape parent, DatabaseImage before, DatabaseImage after, HashSet<string> touched)
    {
        var former = before.Rows(parent).ToDictionary(r => EditFacts.KeyOf(parent, r), r => EditFacts.TagOf(parent, r), StringComparer.Ordinal);
        var replaced = after.Rows(parent).Where(r => former.TryGetValue(EditFacts.KeyOf(parent, r), out var tag) && tag != EditFacts.TagOf(parent, r)).Select(r => EditFacts.KeyOf(parent, r)).ToHashSet(StringComparer.Ordinal);
        if (replaced.Count == 0)
        {
            return;
        }

        foreach (var (table, reference) in schema.Tables.SelectMany(t => t.References.Where(r => ReferenceEquals(r.Target, parent)).Select(r => (t, r))))
        {
            foreach (var row in after.Rows(table).Where(r => replaced.Contains(KeyIn(table, reference, r))))
            {
                AddWithParents(table, after, row, touched);
            }
        }
    }

    private static void AddDifferent(TableShape table, DatabaseImage image, DatabaseImage other, HashSet<string> touched)
    {
        var same = other.Rows(table).ToLookup(r => EditFacts.KeyOf(table, r), StringComparer.Ordinal);
        foreach (var row in image.Rows(table).Where(r => !same[EditFacts.KeyOf(table, r)].Any(o => o.AsSpan().SequenceEqual(r))))
        {
            AddWithParents(table, image, row, touched);
        }
    }

    private static void AddWithParents(TableShape table, DatabaseImage image, Value[] row, HashSet<string> touched)
    {
        if (!touched.Add(EditFacts.TagOf(table, row)))
        {
            return;
        }

        foreach (var reference in table.References)
        {
            var key = KeyIn(table, reference, row);
            if (image.Rows(reference.Target).FirstOrDefault(r => EditFacts.KeyOf(reference.Target, r) == key) is { } parent)
            {
                AddWithParents(reference.Target, image, parent, touched);
            }
        }
    }

    private static string KeyIn(TableShape table, ReferenceShape reference, Value[] row) =>
        string.Join('/', reference.Columns.Select(c => row[((IList<string>)table.Columns).IndexOf(c)].ToString()));
}
