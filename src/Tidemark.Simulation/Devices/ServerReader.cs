using Tidemark.Model.Values;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Workload;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Devices;

/// <summary>Looks into the server's file beside the server.</summary>
internal sealed class ServerReader(RandomSchema schema)
{
    /// <summary>A user's rows and head; null when there is nothing yet.</summary>
    public ServerSeen? Read(string path, string user)
    {
        using var connection = SqliteFile.Open(path, new OpenOptions { QueryOnly = true, ForeignKeys = false });
        var space = Value.Text("u:" + user);
        var head = connection.Scalar("SELECT head FROM _tm_space WHERE space_id = ?1", space);
        if (head.Kind != ValueKind.Integer || connection.Scalar("SELECT count(*) FROM _tm_meta WHERE key = 'model'").AsInteger == 0)
        {
            return null;
        }

        var tables = new Dictionary<string, IReadOnlyList<Value[]>>(StringComparer.Ordinal);
        foreach (var table in schema.Tables)
        {
            var sql = table.SelectAll.Replace(" ORDER BY", " WHERE space_id = ?1 ORDER BY", StringComparison.Ordinal);
            tables[table.Name] = connection.Query(sql, space);
        }

        return new ServerSeen(user, head.AsInteger, new DatabaseImage(tables));
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
