using Tidemark.Client.Adoption;
using Tidemark.Client.Environment;
using Tidemark.Fuzzing.Engine;
using Tidemark.Sqlite;

namespace Tidemark.Fuzzing.Device;

/// <summary>What the device's targets share: an environment whose transport is a function, and small files.</summary>
public static class DeviceFile
{
    public const string Schema = """
        CREATE TABLE boxes(id TEXT PRIMARY KEY, name TEXT UNIQUE) WITHOUT ROWID;
        CREATE TABLE things(id INTEGER PRIMARY KEY, box TEXT REFERENCES boxes(id) ON DELETE CASCADE, parent INTEGER REFERENCES things(id) ON DELETE SET NULL, title TEXT, data BLOB);
        CREATE TABLE links(a TEXT NOT NULL REFERENCES boxes(id), n INTEGER NOT NULL, note TEXT, PRIMARY KEY(a, n));
        """;

    public const string Rows = """
        INSERT INTO boxes VALUES('a', 'red'), ('b', 'blue'), ('c', NULL);
        INSERT INTO things VALUES(1, 'a', NULL, 'one', x'0001'), (2, 'a', 1, 'two', NULL), (3, NULL, NULL, 'three', zeroblob(300)), (4, 'b', 3, 4.5, NULL);
        INSERT INTO links VALUES('a', 1, 'x'), ('b', 2, NULL);
        """;

    public static SyncEnvironment Environment(Func<HttpRequestMessage, byte[], HttpResponseMessage> answer)
    {
        var random = 0;
        return new SyncEnvironment
        {
            Time = TimeProvider.System,
            Random = bytes =>
            {
                foreach (ref var b in bytes)
                {
                    b = (byte)(++random * 37);
                }
            },
            Transport = () => new AnsweringHandler(answer),
            ProcessName = "fuzz",
            IsAlive = _ => false,
        };
    }

    /// <summary>A store of the schema and rows, never synced.</summary>
    public static void Make(string path, SyncEnvironment environment)
    {
        using (var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, Checkpoints = true }))
        {
            connection.Run(Schema);
            connection.Run(Rows);
        }

        Adopter.Adopt(path, new AdoptionOptions(), environment);
    }

    /// <summary>Every row of the app's tables.</summary>
    public static List<string> Dump(string path)
    {
        using var connection = SqliteFile.Open(path, new OpenOptions());
        return Dump(connection, connection.Query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_tm\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name").Select(r => r[0].AsText));
    }

    public static List<string> Dump(Microsoft.Data.Sqlite.SqliteConnection connection, IEnumerable<string> tables) =>
        [.. tables.SelectMany(t => connection.Query($"SELECT * FROM {SqlName.Quote(t)}").Select(r => t + "|" + string.Join('|', r.Select(v => v.Kind + ":" + v))).Order(StringComparer.Ordinal))];

    private sealed class AnsweringHandler(Func<HttpRequestMessage, byte[], HttpResponseMessage> answer) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
            return answer(request, body);
        }
    }
}
