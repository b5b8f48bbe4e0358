using Microsoft.Data.Sqlite;
using Tidemark.Client.Adoption;
using Tidemark.Client.Coordination;
using Tidemark.Client.Encryption;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;
using Tidemark.Simulation.Disk;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Remotes.Several;

/// <summary>A device whose file has several remotes, each in memory.</summary>
internal sealed class JoinDevice : IAsyncDisposable
{
    private readonly SqliteConnection _app;

    private JoinDevice(string path, LocalStore store, (string Name, IStagedRemote Remote)[] remotes, SyncOptions options, SyncEnvironment environment)
    {
        Store = store;
        Options = options;
        Environment = environment;
        Several = new SeveralRemotes(store);
        _app = SqliteFile.Open(path, new OpenOptions());
        SqlClock.Install(_app, environment.Time);
        Remotes = remotes;
    }

    public const string Schema = """
        CREATE TABLE folder(id TEXT PRIMARY KEY, name TEXT);
        CREATE TABLE note(id TEXT PRIMARY KEY, title TEXT, body TEXT, done INTEGER, slug TEXT UNIQUE, folder TEXT REFERENCES folder(id) ON DELETE SET NULL, secret TEXT, n INTEGER, tags TEXT);
        """;

    private const string Doomed = "doomed/1";

    private static readonly Lazy<SyncModel> Made = new(MakeModel);

    /// <summary>Notes in folders, with a secret that is encrypted a mark that never goes back, a counter and a list.</summary>
    public static SyncModel Notes => Made.Value;

    /// <summary>The notes' fields as somebody else has declared them.</summary>
    public static SyncModel With(Func<Field, Field> change) =>
        Notes with { Entities = [.. Notes.Entities.Select(e => e with { Fields = [.. e.Fields.Select(change)] })] };

    public LocalStore Store { get; }

    public SyncOptions Options { get; }

    public SyncEnvironment Environment { get; }

    public SeveralRemotes Several { get; }

    public (string Name, IStagedRemote Remote)[] Remotes { get; }

    public DataSyncService Service => field ??= new DataSyncService(Store, [.. Remotes.Select(r => new NamedRemote(r.Name, r.Remote))], Options, Environment);

    private static SyncModel MakeModel()
    {
        Tidemark.Testing.SystemSqlite.Use();
        using var folder = new Tidemark.Testing.TempFolder();
        var path = folder.File("schema.db");
        using (var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, Checkpoints = true }))
        {
            connection.Run(Schema);
        }

        var model = Adopter.Adopt(path, new AdoptionOptions(), SyncEnvironment.System).Model;
        return SyncModelJson.Parse(SyncModelJson.ToUtf8(model with
        {
            Entities = [.. model.Entities.Select(e => e with
            {
                Fields = [.. e.Fields.Select(f => f.Name switch
                {
                    "secret" => f with { Encrypted = true },
                    "done" => f with { Policy = FieldPolicy.Monotonic },
                    "n" => f with { Policy = FieldPolicy.Counter },
                    "tags" => f with { Policy = FieldPolicy.MergeArrays },
                    _ => f,
                })],
            })],
        }));
    }

    /// <param name="path">Of its file.</param>
    /// <param name="time">Its clock; the app's connection and the capture triggers go by it too.</param>
    /// <param name="random">Its ids and nonces.</param>
    /// <param name="remotes">What it sees.</param>
    public static Task<JoinDevice> MakeAsync(string path, TimeProvider time, RandomSource random, params (string Name, IStagedRemote Remote)[] remotes) =>
        MakeAsync(path, time, random, Notes, remotes);

    /// <summary>With another model of the same tables.</summary>
    public static Task<JoinDevice> MakeAsync(string path, TimeProvider time, RandomSource random, SyncModel model, params (string Name, IStagedRemote Remote)[] remotes)
    {
        return MakeAsync(path, time, random, model, CustomMergeRegistry.None, remotes);
    }

    /// <summary>With functions that merge rows.</summary>
    public static Task<JoinDevice> MakeAsync(string path, TimeProvider time, RandomSource random, SyncModel model, CustomMergeRegistry merges, params (string Name, IStagedRemote Remote)[] remotes)
    {
        Tidemark.Testing.SystemSqlite.Use();
        var environment = EnvironmentOf(time, random);
        Adopter.CreateEmpty(path, model, environment);
        return OpenAsync(path, environment, remotes, merges);
    }

    /// <summary>A file that was adopted before.</summary>
    public static Task<JoinDevice> OpenAsync(string path, TimeProvider time, RandomSource random, params (string Name, IStagedRemote Remote)[] remotes) => OpenAsync(path, EnvironmentOf(time, random), remotes);

    /// <summary>The same, in a process that will be killed.</summary>
    public static Task<JoinDevice> OpenDoomedAsync(string path, TimeProvider time, RandomSource random, IStatementWatch watch, params (string Name, IStagedRemote Remote)[] remotes) =>
        OpenAsync(path, EnvironmentOf(time, random, watch), remotes);

    private static SyncEnvironment EnvironmentOf(TimeProvider time, RandomSource random, IStatementWatch? watch = null) => new()
    {
        Time = time,
        Random = random,
        Transport = SyncEnvironment.System.Transport,
        ProcessName = watch is null ? SyncEnvironment.System.ProcessName : Doomed,
        IsAlive = static name => name != Doomed && SyncEnvironment.System.IsAlive(name),
        Statements = watch,
    };

    private static async Task<JoinDevice> OpenAsync(string path, SyncEnvironment environment, (string Name, IStagedRemote Remote)[] remotes, CustomMergeRegistry? merges = null)
    {
        var store = LocalStore.Open(path, new StoreOptions { Durability = Durability.Normal, Merges = merges ?? CustomMergeRegistry.None }, environment);
        var options = new SyncOptions { Backoff = new Backoff { FirstDelayMs = 0, DelayMaxMs = 0 }, Automatic = { FollowsHints = false } };
        var device = new JoinDevice(path, store, remotes, options, environment);
        foreach (var (name, _) in remotes)
        {
            await device.Several.AddAsync(name, "memory:" + name);
        }

        return device;
    }

    public void Sql(string sql) => _app.Run(sql);

    public Value Scalar(string sql) => _app.Scalar(sql);

    public List<string> Rows(string sql = "SELECT id, title, body, done, slug, folder, secret FROM note ORDER BY id") =>
        [.. _app.Query(sql).Select(r => string.Join('|', r.Select(v => v.ToString())))];

    public Task<SyncReport> TrySyncAsync(SyncMode mode = SyncMode.Full) => Service.SyncAsync(mode, "test");

    public async Task<SyncReport> SyncAsync(SyncMode mode = SyncMode.Full)
    {
        var report = await TrySyncAsync(mode);
        return report.Error is { } error ? throw new InvalidOperationException($"{error.Code}: {error.Message}", error) : report;
    }

    public Task GiveKeysAsync(KeyRing ring) => Several.AddKeysAsync(ring, null, Environment);

    public async ValueTask DisposeAsync()
    {
        _app.Dispose();
        Service.Dispose();
        await Store.DisposeAsync();
    }
}
