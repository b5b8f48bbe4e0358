using System.Buffers;
using System.Text;
using System.Text.Unicode;
using Microsoft.Data.Sqlite;
using SQLitePCL;
using Tidemark.Model.Values;

namespace Tidemark.Sqlite;

/// <summary>
/// One prepared statement on a connection's handle, without the cost of the ADO.NET layer. Parameters count from 1,
/// columns from 0, as in SQLite. Text is read as bytes and checked; embedded NULs are kept.
/// Not for two threads at once. A statement from a <see cref="StatementCache"/> goes back to it on Dispose.
/// </summary>
public sealed unsafe class RawStatement : IDisposable
{
    private const int StackBytesMax = 1024;
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly sqlite3 _db;
    private readonly sqlite3_stmt _statement;
    private readonly StatementCache? _home;
    private readonly IStatementWatch? _watch;
    private readonly bool _isUtf8;
    private readonly bool _isNative;
    private IntPtr _handle;
    private bool _disposed;

    /// <exception cref="StoreException">The SQL cannot be prepared.</exception>
    public RawStatement(SqliteConnection connection, string sql)
        : this(HandleOf(connection), sql, null)
    {
    }

    internal RawStatement(sqlite3 db, string sql, StatementCache? home)
    {
        ArgumentNullException.ThrowIfNull(sql);
        _db = db;
        _home = home;
        _watch = StatementWatches.Of(db);
        _isUtf8 = TextEncoding.IsUtf8(db);
        Sql = sql;
        var resultCode = raw.sqlite3_prepare_v2(db, sql, out _statement, out string tail);
        if (resultCode != raw.SQLITE_OK)
        {
            throw SqliteTrouble.From(db, resultCode, sql);
        }

        if (_statement.IsInvalid || !string.IsNullOrWhiteSpace(tail))
        {
            _statement.Dispose();
            throw new ArgumentException("The text must hold exactly one statement: " + sql, nameof(sql));
        }

        // Whoever uses the statement holds it, and it holds its safe handle: the bare one is good until Close.
        _isNative = NativeCalls.AreFound;
        _handle = _isNative ? _statement.DangerousGetHandle() : IntPtr.Zero;
    }

    public string Sql { get; }

    /// <summary>What a step throws in place of SQLite's trouble; null: the trouble itself.</summary>
    internal Func<StoreException, Exception>? Translate { get; init; }

    /// <summary>The connection it belongs to.</summary>
    public sqlite3 Database => _db;

    public int ColumnCount => raw.sqlite3_column_count(_statement);

    public int ParameterCount => raw.sqlite3_bind_parameter_count(_statement);

    /// <summary>Whether the statement leaves the database as it is.</summary>
    public bool IsReadOnly => raw.sqlite3_stmt_readonly(_statement) != 0;

    public void Bind(int index, in Value value)
    {
        switch (value.Kind)
        {
            case ValueKind.Null:
                BindNull(index);
                break;
            case ValueKind.Integer:
                Bind(index, value.AsInteger);
                break;
            case ValueKind.Real:
                Bind(index, value.AsReal);
                break;
            case ValueKind.Text:
                Bind(index, value.AsText);
                break;
            case ValueKind.Blob:
                Bind(index, value.AsBlob);
                break;
            case ValueKind.MalformedText:
                BindUtf8(index, value.AsBlob);
                break;
            default:
                throw new ArgumentException("An absent value cannot be bound.", nameof(value));
        }
    }

    /// <summary>Binds parameters 1, 2, ...</summary>
    public RawStatement BindAll(params ReadOnlySpan<Value> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            Bind(i + 1, values[i]);
        }

        return this;
    }

    public void Bind(int index, long value) => Check(_isNative ? NativeCalls.BindInt64(_handle, index, value) : raw.sqlite3_bind_int64(_statement, index, value));

    public void Bind(int index, double value) => Check(_isNative ? NativeCalls.BindDouble(_handle, index, value) : raw.sqlite3_bind_double(_statement, index, value));

    /// <summary>Text, or NULL for null.</summary>
    /// <exception cref="ArgumentException">The text holds a lone surrogate.</exception>
    public void Bind(int index, string? value)
    {
        if (value is null)
        {
            BindNull(index);
            return;
        }

        var max = Encoding.UTF8.GetMaxByteCount(value.Length);
        if (max <= StackBytesMax)
        {
            Span<byte> small = stackalloc byte[StackBytesMax];
            BindUtf8(index, small[..Strict.GetBytes(value, small)]);
            return;
        }

        var rented = ArrayPool<byte>.Shared.Rent(max);
        try
        {
            BindUtf8(index, rented.AsSpan(0, Strict.GetBytes(value, rented)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>A blob; also an empty one, which is not NULL.</summary>
    public void Bind(int index, ReadOnlySpan<byte> blob)
    {
        if (!_isNative || blob.IsEmpty)
        {
            Check(blob.IsEmpty ? raw.sqlite3_bind_zeroblob(_statement, index, 0) : raw.sqlite3_bind_blob(_statement, index, blob));
            return;
        }

        fixed (byte* bytes = blob)
        {
            Check(NativeCalls.BindBlob(_handle, index, bytes, blob.Length, NativeCalls.Transient));
        }
    }

    /// <summary>A blob, or NULL for null.</summary>
    public void Bind(int index, byte[]? blob)
    {
        if (blob is null)
        {
            BindNull(index);
            return;
        }

        Bind(index, blob.AsSpan());
    }

    /// <summary>Text that is UTF-8 already.</summary>
    public void BindUtf8(int index, ReadOnlySpan<byte> utf8)
    {
        if (!_isNative || utf8.IsEmpty)
        {
            Check(utf8.IsEmpty ? raw.sqlite3_bind_text(_statement, index, "") : raw.sqlite3_bind_text(_statement, index, utf8));
            return;
        }

        fixed (byte* bytes = utf8)
        {
            Check(NativeCalls.BindText(_handle, index, bytes, utf8.Length, NativeCalls.Transient));
        }
    }

    public void BindNull(int index) => Check(_isNative ? NativeCalls.BindNull(_handle, index) : raw.sqlite3_bind_null(_statement, index));

    /// <summary>True when there is a row to read.</summary>
    /// <exception cref="StoreException">SQLite refused; the statement is reset.</exception>
    public bool Step()
    {
        if (_watch is not null)
        {
            Tell(_watch);
        }

        var resultCode = _isNative ? NativeCalls.Step(_handle) : raw.sqlite3_step(_statement);
        if (resultCode == raw.SQLITE_ROW)
        {
            return true;
        }

        if (resultCode == raw.SQLITE_DONE)
        {
            return false;
        }

        var trouble = SqliteTrouble.From(_db, resultCode, Sql);
        Reset();
        throw Translate is { } translate ? translate(trouble) : trouble;
    }

    private void Tell(IStatementWatch watch)
    {
        try
        {
            watch.BeforeStep(this);
        }
        catch (StoreException e) when (Translate is not null)
        {
            throw Translate(e);
        }
    }

    /// <summary>Runs to the end and resets; how many rows the statement itself changed (triggers not counted).</summary>
    public int Execute()
    {
        while (Step())
        {
        }

        var changes = raw.sqlite3_changes(_db);
        Reset();
        return changes;
    }

    public bool ColumnIsNull(int column) => TypeOf(column) == raw.SQLITE_NULL;

    public long ColumnInt64(int column) => _isNative ? NativeCalls.ColumnInt64(_handle, column) : raw.sqlite3_column_int64(_statement, column);

    public double ColumnDouble(int column) => _isNative ? NativeCalls.ColumnDouble(_handle, column) : raw.sqlite3_column_double(_statement, column);

    /// <summary>The bytes of a blob or of text in UTF-8; valid until the next step or reset.</summary>
    public ReadOnlySpan<byte> ColumnBytes(int column)
    {
        if (!_isUtf8 && TypeOf(column) == raw.SQLITE_TEXT)
        {
            // Turns the text of a UTF-16 database into UTF-8 first; what column_blob gives then are those bytes.
            _ = raw.sqlite3_column_text(_statement, column);
        }

        return BytesOf(column);
    }

    /// <summary>Text with embedded NULs; null for NULL. Invalid UTF-8 is shown with replacement characters: for names and messages, not for data.</summary>
    public string? ColumnText(int column) => ColumnIsNull(column) ? null : Encoding.UTF8.GetString(ColumnBytes(column));

    public byte[]? ColumnBlob(int column) => ColumnIsNull(column) ? null : ColumnBytes(column).ToArray();

    public Value Column(int column)
    {
        switch (TypeOf(column))
        {
            case raw.SQLITE_INTEGER:
                return Value.Integer(ColumnInt64(column));
            case raw.SQLITE_FLOAT:
                return Value.Real(ColumnDouble(column));
            case raw.SQLITE_TEXT:
                var bytes = ColumnBytes(column);
                return Utf8.IsValid(bytes) ? Value.Text(Encoding.UTF8.GetString(bytes)) : Value.MalformedText(bytes.ToArray());
            case raw.SQLITE_BLOB:
                return Value.Blob(BytesOf(column).ToArray());
            default:
                return Value.Null;
        }
    }

    public string ColumnName(int column) => raw.sqlite3_column_name(_statement, column).utf8_to_string();

    /// <summary>Ready to run again; bindings are cleared, so that no value of an earlier run can slip into a later one.</summary>
    public void Reset()
    {
        if (_isNative && _handle != IntPtr.Zero)
        {
            _ = NativeCalls.Reset(_handle);
            _ = NativeCalls.ClearBindings(_handle);
            return;
        }

        _ = raw.sqlite3_reset(_statement);
        _ = raw.sqlite3_clear_bindings(_statement);
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        if (_home is not null)
        {
            Reset();
            if (_home.TakeBack(this))
            {
                return;
            }
        }

        Close();
    }

    internal void Close()
    {
        _disposed = true;
        _handle = IntPtr.Zero; // SQLite answers a call without a statement with MISUSE, or with NULL.
        _statement.Dispose();
    }

    internal static sqlite3 HandleOf(SqliteConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return connection.Handle ?? throw new InvalidOperationException("The connection is not open.");
    }

    private int TypeOf(int column) => _isNative ? NativeCalls.ColumnType(_handle, column) : raw.sqlite3_column_type(_statement, column);

    // The bytes are asked for before their number: asking may convert them.
    private ReadOnlySpan<byte> BytesOf(int column)
    {
        if (!_isNative)
        {
            return raw.sqlite3_column_blob(_statement, column);
        }

        var bytes = NativeCalls.ColumnBlob(_handle, column);
        return bytes is null ? default : new ReadOnlySpan<byte>(bytes, NativeCalls.ColumnBytes(_handle, column));
    }

    private void Check(int resultCode)
    {
        if (resultCode != raw.SQLITE_OK)
        {
            throw SqliteTrouble.From(_db, resultCode, Sql);
        }
    }
}
