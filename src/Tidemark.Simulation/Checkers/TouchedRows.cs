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

        touched.UnionWith(now);
        return touched;
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
            var key = string.Join('/', reference.Columns.Select(c => row[((IList<string>)table.Columns).IndexOf(c)].ToString()));
            if (image.Rows(reference.Target).FirstOrDefault(r => EditFacts.KeyOf(reference.Target, r) == key) is { } parent)
            {
                AddWithParents(reference.Target, image, parent, touched);
            }
        }
    }
}
