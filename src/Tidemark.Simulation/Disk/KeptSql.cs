using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Disk;

/// <summary>Short ways to ask by statements that are kept: those who watch ask the same things after every step.</summary>
internal static class KeptSql
{
    /// <summary>All rows, in memory.</summary>
    public static List<Value[]> Query(this KeptStatements statements, string sql, params ReadOnlySpan<Value> values)
    {
        var statement = statements.Get(sql);
        var rows = new List<Value[]>();
        try
        {
            statement.BindAll(values);
            while (statement.Step())
            {
                var row = new Value[statement.ColumnCount];
                for (var i = 0; i < row.Length; i++)
                {
                    row[i] = statement.Column(i);
                }

                rows.Add(row);
            }

            return rows;
        }
        finally
        {
            statement.Reset();
        }
    }
}
