using System.Globalization;
using System.Runtime.CompilerServices;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Client.Storage;

/// <summary>
/// Columns change the class of what is written into them (https://sqlite.org/datatype3.html#type_affinity). A field of type Exact takes every value, its column
/// may not: what stands in the file then is not what the remote shows, and would be told as a change for ever.
/// </summary>
internal static class ColumnClasses
{
    private enum Affinity
    {
        None,
        Text,
        Number,
    }

    private static readonly ConditionalWeakTable<EntityTable, Affinity[]> Known = [];

    /// <summary>Why the row cannot stand in its table as it is; null when it can.</summary>
    public static string? UnfitOf(StoreConnection db, EntityTable table, Row row)
    {
        var affinities = Known.GetValue(table, t => Read(db, t));
        for (var i = 0; i < affinities.Length; i++)
        {
            var value = row[i];
            if ((affinities[i] == Affinity.Text && value.Kind is ValueKind.Integer or ValueKind.Real) || (affinities[i] == Affinity.Number && value.Kind == ValueKind.Text && IsNumber(value.AsText)))
            {
                return $"{table.Type.Name}.{table.Type.Fields[i].Name}: {value} comes as {value.Kind}, which the column cannot hold as such; write it in the column's class, or declare the column without a type.";
            }
        }

        return null;
    }

    private static Affinity[] Read(StoreConnection db, EntityTable table)
    {
        var declared = db.Query($"SELECT name, type FROM pragma_table_xinfo({Tidemark.Sqlite.SqlName.Literal(table.Type.TableName)})", s => (Name: s.Text(0), Type: s.Text(1)))
            .ToDictionary(c => c.Name, c => c.Type, StringComparer.OrdinalIgnoreCase);
        return [.. table.Type.Fields.Select(f => f.Type == FieldType.Exact && declared.TryGetValue(f.ColumnName, out var type) ? AffinityOf(type) : Affinity.None)];
    }

    private static Affinity AffinityOf(string declared)
    {
        bool Has(string part) => declared.Contains(part, StringComparison.OrdinalIgnoreCase);
        return Has("INT") ? Affinity.Number
            : Has("CHAR") || Has("CLOB") || Has("TEXT") ? Affinity.Text
            : declared.Length == 0 || Has("BLOB") || declared.Equals("ANY", StringComparison.OrdinalIgnoreCase) ? Affinity.None
            : Affinity.Number;
    }

    private static bool IsNumber(string text) =>
        text.Length > 0 && text.AsSpan().IndexOfAnyInRange('0', '9') >= 0 && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
}
