using Microsoft.Data.Sqlite;
using Tidemark.Client;
using Tidemark.Client.Adoption;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Inspection;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Torture.Faults;

/// <summary>One device behind a proxy of its own: the real client with its file, on a clock that hurries.</summary>
internal sealed class ProxyDevice : IAsyncDisposable
{
    private const string Schema = """
        CREATE TABLE folders(id INTEGER PRIMARY KEY, made TEXT NOT NULL, name TEXT);
        CREATE TABLE notes(id INTEGER PRIMARY KEY, made TEXT NOT NULL, folder_id INTEGER NOT NULL REFERENCES folders(id), text TEXT);
        CREATE TABLE tags(id TEXT PRIMARY KEY NOT NULL, made TEXT NOT NULL, note_id INTEGER REFERENCES notes(id) ON DELETE SET NULL, label TEXT);
        """;

    // A hundred seconds of patience are a third of one.
    private const double Pace = 300;
    private readonly TidemarkHttpRemote _remote;

    private ProxyDevice(string path, LocalStore store, Uri server, string token, int seed, bool isByItself)
    {
        Path = path;
        Store = store;
        Time = new HurriedTime(Pace);
        Proxy = new FaultProxy(server.Port, seed, Time);
        Environment = new SyncEnvironment
        {
            Time = Time,
            Random = SyncEnvironment.System.Random,
            Transport = static () => new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(2) },
            ProcessName = SyncEnvironment.System.ProcessName,
            IsAlive = SyncEnvironment.System.IsAlive,
            WatchFile = SyncEnvironment.System.WatchFile,
        };
        _remote = new TidemarkHttpRemote(Proxy.Address, _ => Task.FromResult(token), Environment);
        var options = new SyncOptions();
        options.Automatic.FollowsHints = isByItself;
        options.Automatic.GateTimeout = TimeSpan.Zero;
        Sync = new DataSyncService(store, _remote, options, Environment);
    }

    public string Path { get; }

    public LocalStore Store { get; }

    public HurriedTime Time { get; }

    public FaultProxy Proxy { get; }

    public SyncEnvironment Environment { get; }

    public DataSyncService Sync { get; }

    public static ProxyDevice Make(string path, Uri server, string token, int seed, bool isByItself)
    {
        using (var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true }))
        {
            Run(connection, Schema);
        }

        Adopter.Adopt(path, new AdoptionOptions(), SyncEnvironment.System);
        return new ProxyDevice(path, LocalStore.Open(path, new StoreOptions(), SyncEnvironment.System), server, token, seed, isByItself);
    }

    public Task<int> WriteAsync(string sql, params object[] values) => Store.WriteAsync(c => Run(c, sql, values));

    public Task<List<string>> ReadAsync(string sql) => Store.ReadAsync(c =>
    {
        using var command = c.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read())
        {
            rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => reader.GetValue(i).ToString())));
        }

        return rows;
    });

    public Task<DoctorReport> ExamineAsync() => new StoreDoctor(Store, Environment).ExamineAsync(repair: false, CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await Sync.StopAsync();
        Sync.Dispose();
        _remote.Dispose();
        Proxy.Dispose();
        await Store.DisposeAsync();
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
