using SQLitePCL;

namespace Tidemark.Benchmarks.Bare;

/// <summary>SQLite with nothing between: what a hand-written loop would use.</summary>
internal sealed class BareDatabase : IDisposable
{
    private readonly sqlite3 _handle;

    /// <param name="path">The file; made when absent.</param>
    /// <param name="synchronous">FULL, NORMAL or OFF.</param>
    public BareDatabase(string path, string synchronous = "FULL")
    {
        Check(raw.sqlite3_open_v2(path, out _handle, raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE, null));
        Execute("PRAGMA busy_timeout=30000");
        Execute("PRAGMA journal_mode=WAL");
        Execute("PRAGMA synchronous=" + synchronous);
    }

    public sqlite3 Handle => _handle;

    public void Execute(string sql) => Check(raw.sqlite3_exec(_handle, sql));

    public BareStatement Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_handle, sql, out var statement));
        return new BareStatement(this, statement);
    }

    public long Scalar(string sql)
    {
        using var statement = Prepare(sql);
        return statement.Step() ? statement.Int64(0) : 0;
    }

    public void Check(int code)
    {
        if (code is not (raw.SQLITE_OK or raw.SQLITE_ROW or raw.SQLITE_DONE))
        {
            throw new InvalidOperationException($"SQLite: {code} {raw.sqlite3_errmsg(_handle).utf8_to_string()}");
        }
    }

    public void Dispose() => _handle.Dispose();
}

/// <summary>A prepared statement; text goes in and out as UTF-8.</summary>
internal sealed class BareStatement(BareDatabase database, sqlite3_stmt handle) : IDisposable
{
    public void Bind(int index, ReadOnlySpan<byte> utf8) => database.Check(raw.sqlite3_bind_text(handle, index, utf8));

    public void Bind(int index, long value) => database.Check(raw.sqlite3_bind_int64(handle, index, value));

    public void Bind(int index, double value) => database.Check(raw.sqlite3_bind_double(handle, index, value));

    public bool Step()
    {
        var code = raw.sqlite3_step(handle);
        database.Check(code);
        return code == raw.SQLITE_ROW;
    }

    /// <summary>Steps to the end and makes the statement ready again.</summary>
    public void Run()
    {
        while (Step())
        {
        }

        Reset();
    }

    public void Reset() => raw.sqlite3_reset(handle);

    public ReadOnlySpan<byte> Text(int column) => raw.sqlite3_column_blob(handle, column);

    public long Int64(int column) => raw.sqlite3_column_int64(handle, column);

    public double Real(int column) => raw.sqlite3_column_double(handle, column);

    public void Dispose() => handle.Dispose();
}
