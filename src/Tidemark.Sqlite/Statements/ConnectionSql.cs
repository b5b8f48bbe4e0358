using Microsoft.Data.Sqlite;
using SQLitePCL;
using Tidemark.Model.Values;

namespace Tidemark.Sqlite;

/// <summary>Short ways to run SQL on a connection where speed does not matter; errors arrive typed.</summary>
public static class ConnectionSql
{
    /// <summary>Runs one or many statements.</summary>
    /// <exception cref="StoreException">A statement failed; the ones before it have run.</exception>
    public static void Run(this SqliteConnection connection, string sql)
    {
        var db = RawStatement.HandleOf(connection);
        SqliteTrouble.Check(db, raw.sqlite3_exec(db, sql), sql);
    }

    /// <summary>Runs one statement with parameters; how many rows it changed.</summary>
    public static int Run(this SqliteConnection connection, string sql, params ReadOnlySpan<Value> values)
    {
        using var statement = new RawStatement(connection, sql);
        return statement.BindAll(values).Execute();
    }

    /// <summary>The first column of the first row; Absent when there is none.</summary>
    public static Value Scalar(this SqliteConnection connection, string sql, params ReadOnlySpan<Value> values)
    {
        using var statement = new RawStatement(connection, sql);
        return statement.BindAll(values).Step() ? statement.Column(0) : Value.Absent;
    }

    /// <summary>All rows, in memory.</summary>
    public static List<Value[]> Query(this SqliteConnection connection, string sql, params ReadOnlySpan<Value> values)
    {
        using var statement = new RawStatement(connection, sql);
        statement.BindAll(values);
        var rows = new List<Value[]>();
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

    /// <summary>True outside of any transaction.</summary>
    public static bool IsAutocommit(this SqliteConnection connection) => raw.sqlite3_get_autocommit(RawStatement.HandleOf(connection)) != 0;
}
