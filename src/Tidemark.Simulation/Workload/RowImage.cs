using Tidemark.Model.Values;

namespace Tidemark.Simulation.Workload;

/// <summary>All rows of a database as they stood at one moment, table by table, in key order.</summary>
internal sealed class DatabaseImage(IReadOnlyDictionary<string, IReadOnlyList<Value[]>> tables)
{
    public IReadOnlyList<Value[]> Rows(TableShape table) => tables[table.Name];

    public IReadOnlyList<Value[]> Rows(string table) => tables[table];
}
