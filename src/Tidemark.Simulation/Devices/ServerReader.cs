using Microsoft.Data.Sqlite;
using Tidemark.Model.Values;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Disk;
using Tidemark.Simulation.Workload;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Devices;

/// <summary>Looks into the server's file beside the server, by one connection as long as the file is the same: it looks after every push.</summary>
internal sealed class ServerReader(RandomSchema schema) : IDisposable
{
    private readonly (string Table, string Sql)[] _reads =
        [.. schema.Tables.Select(t => (t.Name, t.SelectAll.Replace(" ORDER BY", " WHERE space_id = ?1 ORDER BY", StringComparison.Ordinal)))];

    private string? _path;
    private SqliteConnection? _connection;
    private KeptStatements? _statements;

    /// <summary>A user's rows and head; null when there is nothing yet.</summary>
    public ServerSeen? Read(string path, string user)
    {
        var statements = StatementsOf(path);
        var space = Value.Text("u:" + user);
        var head = statements.Query("SELECT head FROM _tm_space WHERE space_id = ?1", space);
        if (head.Count == 0 || statements.Query("SELECT 1 FROM _tm_meta WHERE key = 'model'").Count == 0)
        {
            return null;
        }

        return new ServerSeen(user, head[0][0].AsInteger, new DatabaseImage(_reads.ToDictionary(r => r.Table, r => (IReadOnlyList<Value[]>)statements.Query(r.Sql, space), StringComparer.Ordinal)));
    }

    public void Dispose()
    {
        _statements?.Dispose();
        _connection?.Dispose();
        _statements = null;
    }

    private KeptStatements StatementsOf(string path)
    {
        if (_statements is null || path != _path)
        {
            Dispose();
            _connection = SqliteFile.Open(path, new OpenOptions { QueryOnly = true, ForeignKeys = false });
            _statements = new KeptStatements(_connection);
            _path = path;
        }

        return _statements;
    }

    public static void DigestOf(string path, Action<string> line)
    {
        using var connection = SqliteFile.Open(path, new OpenOptions { QueryOnly = true, ForeignKeys = false });
        foreach (var table in connection.Query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"))
        {
            foreach (var row in connection.Query($"SELECT * FROM {SqlName.Quote(table[0].AsText)}"))
            {
                line(string.Join('|', row.Select(v => v.ToString())));
            }
        }
    }
}
