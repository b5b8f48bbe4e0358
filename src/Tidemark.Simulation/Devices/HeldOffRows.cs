using System.Text.Json;
using Tidemark.Model.Values;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Devices;

/// <summary>
/// Rows that stay put aside for good: another row here holds a unique value of theirs by an index that the server does not know, or a row that they need
/// is such a row itself. The server has them all, so that no device can do anything about it before somebody changes one of the values.
/// </summary>
internal sealed class HeldOffRows
{
    private readonly Dictionary<(string Type, string Key), (string Cause, string Raw)> _aside = [];

    public static HeldOffRows Read(AppFile app, RandomSchema schema)
    {
        var rows = new HeldOffRows();
        foreach (var row in schema.Tables.Any(t => t.UncheckedByServer) ? app.Query("SELECT type, key, cause, CAST(raw AS TEXT) FROM _tm_aside") : [])
        {
            rows._aside[(row[0].AsText, row[1].AsText)] = (row[2].AsText, row[3].AsText);
        }

        return rows;
    }

    public bool Has(TableShape table, string key) => Has(table, key, []);

    private bool Has(TableShape table, string key, HashSet<(string, string)> seen)
    {
        if (!seen.Add((table.Name, key)) || !_aside.TryGetValue((table.Name, key), out var row))
        {
            return false;
        }

        return row.Cause == "UNIQUE" ? table.UncheckedByServer
            : row.Cause == "PARENT_MISSING" && ParentsIn(table, row.Raw).Any(p => Has(p.Table, p.Key, seen));
    }

    // What a row cannot be without, by the keys as they travel.
    private static IEnumerable<(TableShape Table, string Key)> ParentsIn(TableShape table, string change)
    {
        using var json = JsonDocument.Parse(change);
        if (!json.RootElement.TryGetProperty("row", out var row))
        {
            yield break;
        }

        foreach (var reference in table.References.Where(r => r.Required))
        {
            var parts = reference.Columns.Select(c => row.GetProperty(c).GetRawText()).ToList();
            yield return (reference.Target, parts.Count == 1 ? parts[0] : $"[{string.Join(',', parts)}]");
        }
    }
}
