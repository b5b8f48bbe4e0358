using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tidemark.Client.Adoption;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Server;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.Sqlite;
using Tidemark.Sqlite;
using Tidemark.Testing;

namespace Tidemark.Client.Tests.Support;

/// <summary>A real server on a loopback port with its SQLite file, and devices with theirs.</summary>
internal sealed class World : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private readonly List<Device> _devices = [];
    private WebApplication? _app;
    private SqliteServerStore? _store;

    private World(ServerOptions options) => Options = options;

    public ServerOptions Options { get; }

    /// <summary>What devices register before they open their files.</summary>
    public Tidemark.Model.Merging.CustomMergeRegistry Merges { get; set; } = Tidemark.Model.Merging.CustomMergeRegistry.None;

    public Uri Address { get; private set; } = null!;

    public string ServerFolder => System.IO.Path.Combine(_folder.Path, "server");

    public string ServerFile => System.IO.Path.Combine(ServerFolder, "tidemark.db");

    public static async Task<World> StartAsync(ServerOptions? options = null)
    {
        SystemSqlite.Use();
        var world = new World(options ?? new ServerOptions { Dev = true });
        await world.StartServerAsync();
        return world;
    }

    public string File(string name) => System.IO.Path.Combine(_folder.Path, name);

    public string Token(string user = "ann", TimeSpan? lifetime = null)
    {
        using var tokens = TidemarkTokens.Open(ServerFolder);
        return tokens.Create(user, lifetime ?? TimeSpan.FromHours(1));
    }

    public Tidemark.Model.Protocol.TokenResponse Session(string user = "ann")
    {
        using var tokens = TidemarkTokens.Open(ServerFolder);
        var pair = tokens.CreateSession(user, TimeSpan.FromHours(1), TimeSpan.FromDays(1));
        return new() { AccessToken = pair.AccessToken, RefreshToken = pair.RefreshToken };
    }

    public async Task StartServerAsync()
    {
        Directory.CreateDirectory(ServerFolder);
        _store = SqliteServerStore.Open(ServerFile, ServerEnvironment.System);
        _app = TidemarkHost.Create(new()
        {
            Urls = ["http://127.0.0.1:0"],
            DataDirectory = ServerFolder,
            Store = _store,
            Environment = ServerEnvironment.System,
            Server = Options,
            Configure = b =>
            {
                b.Logging.SetMinimumLevel(LogLevel.Critical);
                b.Services.AddSingleton<Tidemark.Server.Snapshots.ISnapshotWriter, SqliteSnapshotWriter>();
            },
        });
        await _app.StartAsync();
        Address = new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        foreach (var device in _devices)
        {
            device.Connect(this);
        }
    }

    public async Task StopServerAsync()
    {
        await _app!.DisposeAsync();
        await _store!.DisposeAsync();
    }

    /// <summary>Copies the server's file; the server is stopped meanwhile.</summary>
    public async Task BackUpServerAsync()
    {
        await StopServerAsync();
        System.IO.File.Copy(ServerFile, ServerFile + ".backup", overwrite: true);
        await StartServerAsync();
    }

    /// <summary>The server goes on with the file of the last backup.</summary>
    public async Task RestoreServerAsync()
    {
        await StopServerAsync();
        Assert.Empty(OpenFiles(ServerFile));
        System.IO.File.Copy(ServerFile + ".backup", ServerFile, overwrite: true);
        System.IO.File.Delete(ServerFile + "-wal");
        System.IO.File.Delete(ServerFile + "-shm");
        await StartServerAsync();
    }

    /// <summary>A device whose file is made by SQL and then adopted.</summary>
    public Device Adopt(string name, string sql, FirstSync firstSync = FirstSync.Match)
    {
        var path = File(name + ".db");
        using (var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, Checkpoints = true }))
        {
            connection.Run(sql);
        }

        return AdoptFile(path, firstSync);
    }

    public Device AdoptFile(string path, FirstSync firstSync = FirstSync.Match)
    {
        Adopter.Adopt(path, new AdoptionOptions { FirstSync = firstSync }, SyncEnvironment.System);
        return Open(path);
    }

    /// <summary>A new device with an empty file whose model says more than a schema can: rules, soft deletes, forms.</summary>
    public Device Make(string name, string sql, Func<EntityType, EntityType> declare)
    {
        var path = File(name + ".schema.db");
        using (var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, Checkpoints = true }))
        {
            connection.Run(sql);
        }

        var model = Adopter.Adopt(path, new AdoptionOptions(), SyncEnvironment.System).Model;
        model = SyncModelJson.Parse(SyncModelJson.ToUtf8(model with { Entities = [.. model.Entities.Select(declare)] }));
        Adopter.CreateEmpty(File(name + ".db"), model, SyncEnvironment.System);
        return Open(File(name + ".db"));
    }

    /// <summary>A new device with an empty file of a model made by hand.</summary>
    public Device Create(string name, SyncModel model)
    {
        Adopter.CreateEmpty(File(name + ".db"), model, SyncEnvironment.System);
        return Open(File(name + ".db"));
    }

    /// <summary>A new device with an empty file of another one's model.</summary>
    public Device Clone(string name, Device like)
    {
        var path = File(name + ".db");
        Adopter.CreateEmpty(path, like.Store.Model, SyncEnvironment.System);
        return Open(path);
    }

    public Device Open(string path, string user = "ann")
    {
        var device = new Device(this, path, user);
        _devices.Add(device);
        return device;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var device in _devices)
        {
            await device.DisposeAsync();
        }

        await StopServerAsync();
        _folder.Dispose();
    }

    // What a stopped server leaves open would be damaged by putting another file in its place.
    private static string[] OpenFiles(string path) =>
        [.. Directory.GetFiles("/proc/self/fd").Select(f => new FileInfo(f).LinkTarget ?? "").Where(t => t.StartsWith(path, StringComparison.Ordinal))];
}
