using Microsoft.Data.Sqlite;
using Tidemark.Sqlite;

namespace Tidemark.Cli.Syncing;

/// <summary>Notices commits of any other connection, of any process, by SQLite's own counter. Reads no table.</summary>
internal sealed class ChangeWatch : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly RawStatement _version;

    public ChangeWatch(string path)
    {
        _connection = SqliteFile.Open(path, new OpenOptions { QueryOnly = true });
        _version = new RawStatement(_connection, "PRAGMA data_version");
    }

    /// <summary>Changes when somebody else has committed.</summary>
    public long Version()
    {
        try
        {
            _version.Step();
            return _version.ColumnInt64(0);
        }
        finally
        {
            _version.Reset();
        }
    }

    public void Dispose()
    {
        _version.Dispose();
        _connection.Dispose();
    }
}
