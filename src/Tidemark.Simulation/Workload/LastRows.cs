using Tidemark.Model.Values;

namespace Tidemark.Simulation.Workload;

/// <summary>A new row that gets its id from SQLite: the one after the highest there is.</summary>
internal sealed class InsertLastRow : IEdit
{
    public string Name => "insert-last";

    public int Weight => 10;

    public bool TryRun(EditContext context)
    {
        if (context.Schema.Tables.FirstOrDefault(t => t.KeyKind == KeyKind.Integer) is not { } table || NewRows.Make(context, table) is not { } row)
        {
            return false;
        }

        row[0] = Value.Null;
        NewRows.Insert(context, table, row);
        return true;
    }
}

/// <summary>The row with the highest id goes.</summary>
internal sealed class DeleteLastRow : IEdit
{
    public string Name => "delete-last";

    public int Weight => 10;

    public bool TryRun(EditContext context)
    {
        if (context.Schema.Tables.FirstOrDefault(t => t.KeyKind == KeyKind.Integer) is not { } table || context.Rows(table) is not { Count: > 0 } rows)
        {
            return false;
        }

        context.Run($"DELETE FROM {table.QuotedName} WHERE {table.ByKey}", EditContext.KeyOf(table, rows.MaxBy(r => r[0].AsInteger)!));
        return true;
    }
}
