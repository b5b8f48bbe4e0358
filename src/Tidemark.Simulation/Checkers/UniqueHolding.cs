using Tidemark.Model.Values;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Checkers;

/// <summary>A row, by tag, with a unique value that the server checks.</summary>
internal sealed record UniqueHolding(string Table, string Row, string Value)
{
    /// <summary>What rows that are gone after a transaction held before it.</summary>
    public static IReadOnlyList<UniqueHolding> Freed(RandomSchema schema, DatabaseImage before, DatabaseImage after) => Except(schema, before, after, byRow: true);

    /// <summary>What rows hold after a transaction that did not hold it before.</summary>
    public static IReadOnlyList<UniqueHolding> Taken(RandomSchema schema, DatabaseImage before, DatabaseImage after) => Except(schema, after, before, byRow: false);

    private static List<UniqueHolding> Except(RandomSchema schema, DatabaseImage rows, DatabaseImage others, bool byRow)
    {
        var found = new List<UniqueHolding>();
        foreach (var table in schema.Tables.Where(t => t.UniqueCollation is not null || t.ShelfIndex == ShelfIndex.CompositeOfFew))
        {
            var known = others.Rows(table).SelectMany(r => byRow ? [EditFacts.TagOf(table, r)] : ValuesOf(table, r).Select(v => EditFacts.TagOf(table, r) + "/" + v)).ToHashSet(StringComparer.Ordinal);
            found.AddRange(
                from row in rows.Rows(table)
                let tag = EditFacts.TagOf(table, row)
                from value in ValuesOf(table, row)
                where !known.Contains(byRow ? tag : tag + "/" + value)
                select new UniqueHolding(table.Name, tag, value));
        }

        return found;
    }

    private static IEnumerable<string> ValuesOf(TableShape table, Value[] row)
    {
        Value At(string column) => row[((IList<string>)table.Columns).IndexOf(column)];
        if (table.UniqueCollation is { } collation && At("code") is { IsNull: false } code)
        {
            yield return "code " + (collation == "NOCASE" ? code.ToString().ToUpperInvariant() : code.ToString());
        }

        if (table.ShelfIndex == ShelfIndex.CompositeOfFew && table.HasNumber && At("shelf") is { IsNull: false } shelf && At("amount") is { IsNull: false } amount)
        {
            yield return $"shelf {shelf} {amount}";
        }
    }
}
