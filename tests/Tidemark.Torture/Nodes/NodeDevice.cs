using System.Globalization;
using Microsoft.Data.Sqlite;
using Tidemark.Client;
using Tidemark.Client.Adoption;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Torture.Nodes;

/// <summary>The rows that a user's devices made and deleted, as far as the writes returned.</summary>
internal sealed class NodeUser(string name)
{
    public string Name { get; } = name;

    public HashSet<string> Made { get; } = new(StringComparer.Ordinal);

    public HashSet<string> Deleted { get; } = new(StringComparer.Ordinal);
}

/// <summary>One of many devices: the real client with a file of its own.</summary>
internal sealed class NodeDevice : IAsyncDisposable
{
    private const string Schema = """
        CREATE TABLE folders(id INTEGER PRIMARY KEY, made TEXT NOT NULL, name TEXT);
        CREATE TABLE notes(id INTEGER PRIMARY KEY, made TEXT NOT NULL, folder_id INTEGER NOT NULL REFERENCES folders(id), text TEXT);
        CREATE TABLE tags(id TEXT PRIMARY KEY NOT NULL, made TEXT NOT NULL, note_id INTEGER REFERENCES notes(id) ON DELETE SET NULL, label TEXT);
        """;

    // Connections that idle are closed here before a node that drains closes them: a request on its way then would have no answer.
    private static readonly SyncEnvironment Machine = new()
    {
        Time = TimeProvider.System,
        Random = SyncEnvironment.System.Random,
        Transport = static () => new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(10), PooledConnectionIdleTimeout = TimeSpan.FromSeconds(1) },
        ProcessName = SyncEnvironment.System.ProcessName,
        IsAlive = SyncEnvironment.System.IsAlive,
    };

    private readonly LocalStore _store;
    private readonly TidemarkHttpRemote _remote;
    private readonly DataSyncService _sync;
    private readonly Random _dice;
    private readonly string _name;
    private int _number;

    private NodeDevice(string path, NodeUser user, Uri server, string token, int seed)
    {
        _name = Path.GetFileNameWithoutExtension(path);
        _dice = new Random(seed);
        _store = LocalStore.Open(path, new StoreOptions(), Machine);
        _remote = new TidemarkHttpRemote(server, _ => Task.FromResult(token), Machine);
        _sync = new DataSyncService(_store, _remote, new SyncOptions(), Machine);
        User = user;
    }

    public NodeUser User { get; }

    public int Edits { get; private set; }

    public static NodeDevice Make(string path, NodeUser user, Uri server, string token, int seed)
    {
        using (var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true }))
        {
            Run(connection, Schema);
        }

        Adopter.Adopt(path, new AdoptionOptions(), Machine);
        return new NodeDevice(path, user, server, token, seed);
    }

    public Task<SyncReport> SyncAsync(CancellationToken cancellationToken) => _sync.SyncAsync(SyncMode.Full, "torture", cancellationToken: cancellationToken);

    public async Task<bool> IsLikeServerAsync(CancellationToken cancellationToken)
    {
        var report = await _sync.VerifyAsync(cancellationToken);
        return report.Types.All(t => t.LocalDigest == t.ServerDigest);
    }

    /// <summary>One to four edits; what returned is remembered.</summary>
    public async Task EditAsync()
    {
        for (var i = _dice.Next(1, 5); i > 0; i--)
        {
            var marker = string.Create(CultureInfo.InvariantCulture, $"{_name}-{++_number}");
            var deleted = new List<string>();
            var made = await _store.WriteAsync(c => Edit(c, marker, deleted));
            Edits++;
            lock (User)
            {
                User.Deleted.UnionWith(deleted);
                if (made)
                {
                    User.Made.Add(marker);
                }
            }
        }
    }

    public Task<List<string>> RowsAsync() => _store.ReadAsync(c =>
    {
        var rows = new List<string>();
        Read(c, "SELECT 'folders', quote(id), quote(made), quote(name) FROM folders ORDER BY id", rows);
        Read(c, "SELECT 'notes', quote(id), quote(made), quote(folder_id), quote(text) FROM notes ORDER BY id", rows);
        Read(c, "SELECT 'tags', quote(id), quote(made), quote(note_id), quote(label) FROM tags ORDER BY id", rows);
        return rows;
    });

    public Task<List<string>> MarkersAsync() => _store.ReadAsync(c =>
    {
        var rows = new List<string>();
        Read(c, "SELECT made FROM folders UNION ALL SELECT made FROM notes UNION ALL SELECT made FROM tags", rows);
        return rows;
    });

    public async ValueTask DisposeAsync()
    {
        _sync.Dispose();
        _remote.Dispose();
        await _store.DisposeAsync();
    }

    private bool Edit(SqliteConnection c, string marker, List<string> deleted)
    {
        var word = new string((char)('a' + _dice.Next(26)), _dice.Next(1, 60));
        switch (_dice.Next(100))
        {
            case < 8:
                return Run(c, "INSERT INTO folders(made, name) VALUES ($1, $2)", marker, word) > 0;
            case < 40:
                return Run(c, "INSERT INTO notes(made, folder_id, text) SELECT $1, id, $2 FROM folders ORDER BY random() LIMIT 1", marker, word) > 0;
            case < 60:
                return Run(c, "INSERT INTO tags(id, made, note_id, label) VALUES ($1, $1, (SELECT id FROM notes ORDER BY random() LIMIT 1), $2)", marker, word) > 0;
            case < 90:
                Run(c, "UPDATE notes SET text = $1 WHERE id = (SELECT id FROM notes ORDER BY random() LIMIT 1)", word);
                return false;
            default:
                Read(c, "SELECT made FROM tags ORDER BY random() LIMIT 1", deleted);
                return deleted.Count > 0 && Run(c, "DELETE FROM tags WHERE made = $1", deleted[0]) < 0;
        }
    }

    private static void Read(SqliteConnection connection, string sql, List<string> rows)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.GetValue(i).ToString())));
        }
    }

    private static int Run(SqliteConnection connection, string sql, params object[] values)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters.AddWithValue($"${i + 1}", values[i]);
        }

        return command.ExecuteNonQuery();
    }
}
