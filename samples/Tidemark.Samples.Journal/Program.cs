// A journal that works offline and syncs when it can:
//   journal.db is an ordinary SQLite file; this program, the sqlite3 shell and any other may write it at the same time.
//   journal add "Long walk"      journal list      TIDEMARK_SERVER=... TIDEMARK_TOKEN=... journal sync
using Microsoft.Data.Sqlite;
using Tidemark.Client;
using Tidemark.Client.Adoption;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;
using Tidemark.Hosting;
using Tidemark.Sqlite;

const string file = "journal.db";
SystemSqlite.Use();
if (!File.Exists(file))
{
    // The app's own schema, made as ever; adopting it once puts capture beside the tables.
    using (var connection = SqliteFile.Open(file, new OpenOptions { CreateIfMissing = true }))
    {
        Execute(connection, "CREATE TABLE entries(id TEXT PRIMARY KEY NOT NULL, written_at TEXT NOT NULL, text TEXT NOT NULL)");
    }

    Adopter.Adopt(file, new AdoptionOptions(), SyncEnvironment.System);
}

await using var store = LocalStore.Open(file, new StoreOptions(), SyncEnvironment.System);
switch (args)
{
    case ["add", var text]:
        // Returns when it is on the disk, together with the note that it has to be sent.
        await store.WriteAsync(connection => Execute(connection, "INSERT INTO entries VALUES($id, $at, $text)", ("$id", Guid.CreateVersion7().ToString()), ("$at", DateTime.UtcNow.ToString("s")), ("$text", text)));
        return 0;

    case ["list"]:
        foreach (var line in await store.ReadAsync(Lines))
        {
            Console.WriteLine(line);
        }

        return 0;

    case ["sync"] when Environment.GetEnvironmentVariable("TIDEMARK_SERVER") is { } server && Environment.GetEnvironmentVariable("TIDEMARK_TOKEN") is { } token:
        using (var remote = new TidemarkHttpRemote(new Uri(server), _ => Task.FromResult(token), SyncEnvironment.System))
        using (var sync = new DataSyncService(store, remote, new SyncOptions(), SyncEnvironment.System))
        {
            var report = await sync.SyncAsync(SyncMode.Full, "user");
            Console.WriteLine($"{report.Outcome}: {report.Push.Accepted} sent, {report.Pull.Applied} received. {report.Error?.Message}");
            return report.Error is null ? 0 : 1;
        }

    default:
        Console.Error.WriteLine("journal add TEXT | list | sync (with TIDEMARK_SERVER and TIDEMARK_TOKEN set)");
        return 2;
}

static int Execute(SqliteConnection connection, string sql, params (string Name, object Value)[] parameters)
{
    using var command = connection.CreateCommand();
    command.CommandText = sql;
    foreach (var (name, value) in parameters)
    {
        command.Parameters.AddWithValue(name, value);
    }

    return command.ExecuteNonQuery();
}

static List<string> Lines(SqliteConnection connection)
{
    using var command = connection.CreateCommand();
    command.CommandText = "SELECT written_at || '  ' || text FROM entries ORDER BY written_at";
    using var reader = command.ExecuteReader();
    var lines = new List<string>();
    while (reader.Read())
    {
        lines.Add(reader.GetString(0));
    }

    return lines;
}
