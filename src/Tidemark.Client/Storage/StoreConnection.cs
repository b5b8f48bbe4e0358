using Microsoft.Data.Sqlite;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Storage;

/// <summary>A connection with its prepared statements; used by one thread at a time.</summary>
public sealed class StoreConnection : IDisposable
{
    private readonly KeptStatements _statements;
    private readonly bool _ownsConnection;

    public StoreConnection(SqliteConnection connection, bool ownsConnection = true)
    {
        _ownsConnection = ownsConnection;
        Connection = connection;
        _statements = new KeptStatements(connection);
    }

    public SqliteConnection Connection { get; }

    /// <summary>Set for the engine's connection of a store, which shares the file with the app's queue.</summary>
    internal Writing.FileGate? Gate { get; init; }

    /// <summary>Types whose live rows were written since the transaction began, by number.</summary>
    internal HashSet<int> ChangedTypes { get; } = [];

    /// <summary>Around a transaction of the engine, from before its BEGIN to behind its end.</summary>
    internal Writing.FileGate.Turn EnterGate() => Gate?.Enter() ?? default;

    /// <summary>What Tidemark itself keeps in the file does not fit together.</summary>
    internal StoreException Damaged(string what) => new(
        StoreTrouble.Damaged, $"{Connection.DataSource}: What Tidemark keeps in this file is damaged: {what}. Keep a copy; `sqlite3 FILE .recover` saves what can be read, `tidemark clone` makes a new file.");

    /// <summary>Reset after use, not disposed.</summary>
    public RawStatement Prepare(string sql) => _statements.Get(sql);

    public void Execute(string sql) => Run(Prepare(sql));

    public void Execute(string sql, params ReadOnlySpan<Value> parameters) => Run(Bound(sql, parameters));

    /// <summary>The rows changed by the last statement.</summary>
    public int Changes => SQLitePCL.raw.sqlite3_changes(Connection.Handle);

    public Value Scalar(string sql, params ReadOnlySpan<Value> parameters)
    {
        var statement = Bound(sql, parameters);
        try
        {
            return statement.Step() ? statement.Column(0) : Value.Null;
        }
        finally
        {
            statement.Reset();
        }
    }

    public long ScalarInt64(string sql, params ReadOnlySpan<Value> parameters)
    {
        var value = Scalar(sql, parameters);
        return value.Kind == ValueKind.Integer ? value.AsInteger : 0;
    }

    /// <summary>All rows, read to the end before anything else may use the statement.</summary>
    public List<T> Query<T>(string sql, Func<RawStatement, T> read, params ReadOnlySpan<Value> parameters)
    {
        var statement = Bound(sql, parameters);
        try
        {
            var rows = new List<T>();
            while (statement.Step())
            {
                rows.Add(read(statement));
            }

            return rows;
        }
        finally
        {
            statement.Reset();
        }
    }

    public void Dispose()
    {
        _statements.Dispose();
        if (_ownsConnection)
        {
            Connection.Dispose();
        }
    }

    private RawStatement Bound(string sql, ReadOnlySpan<Value> parameters)
    {
        var statement = Prepare(sql);
        for (var i = 0; i < parameters.Length; i++)
        {
            statement.Bind(i + 1, parameters[i]);
        }

        return statement;
    }

    private static void Run(RawStatement statement)
    {
        try
        {
            while (statement.Step())
            {
            }
        }
        finally
        {
            statement.Reset();
        }
    }
}

/// <summary>Reading a column that may be null.</summary>
internal static class StatementColumns
{
    public static string? TextOrNull(this RawStatement statement, int column) =>
        statement.Column(column) is { Kind: ValueKind.Text } value ? value.AsText : null;

    public static string Text(this RawStatement statement, int column) => statement.TextOrNull(column) ?? "";

    public static long? Int64OrNull(this RawStatement statement, int column) =>
        statement.Column(column) is { Kind: ValueKind.Integer } value ? value.AsInteger : null;

    public static byte[]? BlobOrNull(this RawStatement statement, int column) =>
        statement.Column(column) is { Kind: ValueKind.Blob } value ? value.AsBlob : null;

    public static Value OrNull(this string? text) => text is null ? Value.Null : Value.Text(text);

    public static Value OrNull(this long? number) => number is { } n ? Value.Integer(n) : Value.Null;

    public static Value OrNull(this byte[]? bytes) => bytes is null ? Value.Null : Value.Blob(bytes);
}
