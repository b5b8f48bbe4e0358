using Microsoft.Data.Sqlite;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Support;

/// <summary>One device: its file, a connection of the app, and the service.</summary>
internal sealed class Device : IAsyncDisposable
{
    private readonly string _user;
    private SqliteConnection _app;

    public Device(World world, string path, string user)
    {
        Path = path;
        World = world;
        _user = user;
        _app = SqliteFile.Open(path, new OpenOptions());
        Store = LocalStore.Open(path, new StoreOptions { Merges = world.Merges }, SyncEnvironment.System);
        Connect(world);
    }

    public string Path { get; }

    public World World { get; }

    public LocalStore Store { get; private set; }

    /// <summary>The clock the next connection goes by.</summary>
    public TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>What the next connection takes itself for.</summary>
    public string ProcessName { get; set; } = SyncEnvironment.System.ProcessName;

    /// <summary>How the next connection watches the folder; not at all unless a test says so.</summary>
    public Func<string, Action, IDisposable?> WatchFile { get; set; } = static (_, _) => NoWatch.Instance;

    public ManualConnectivity Connectivity { get; } = new();

    public Microsoft.Extensions.Logging.ILoggerFactory Loggers { get; set; } = Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance;

    public SyncEnvironment Environment { get; private set; } = null!;

    public FaultyTransport Network { get; private set; } = null!;

    public DataSyncService Service { get; private set; } = null!;

    public SyncOptions Options { get; } = new() { Automatic = { FollowsHints = false }, Push = { Backoff = new Backoff { FirstDelayMs = 0, DelayMaxMs = 0 } } };

    public void Connect(World world)
    {
        Network = new FaultyTransport(new SocketsHttpHandler());
        var network = Network;
        var environment = new SyncEnvironment
        {
            Time = Clock,
            Random = SyncEnvironment.System.Random,
            Transport = () => network,
            ProcessName = ProcessName,
            IsAlive = SyncEnvironment.System.IsAlive,
            WatchFile = WatchFile,
            Connectivity = Connectivity,
            Loggers = Loggers,
        };
        Environment = environment;
        var token = world.Token(_user);
        Service = new DataSyncService(Store, new TidemarkHttpRemote(world.Address, _ => Task.FromResult(token), environment), Options, environment);
    }

    /// <summary>Goes on with a store that was opened in another way.</summary>
    public void Use(World world, LocalStore store)
    {
        Store = store;
        Connect(world);
    }

    /// <summary>SQL of the app, on a connection that Tidemark knows nothing of.</summary>
    public void Sql(string sql) => _app.Run(sql);

    public Value Scalar(string sql) => _app.Scalar(sql);

    public long Count(string sql) => _app.Scalar(sql).AsInteger;

    /// <summary>Rows as text, columns separated by |.</summary>
    public List<string> Rows(string sql) => [.. _app.Query(sql).Select(r => string.Join('|', r.Select(v => v.ToString())))];

    /// <summary>The app's statements run while the next push is on its way: the server has carried it out, its answer has not come.</summary>
    public void DuringNextPush(string sql) => Network.BeforeAnswer = path =>
    {
        if (path.EndsWith("/push", StringComparison.Ordinal))
        {
            Network.BeforeAnswer = _ => Task.CompletedTask;
            Sql(sql);
        }

        return Task.CompletedTask;
    };

    public Task<SyncReport> TrySyncAsync(SyncMode mode = SyncMode.Full) => Service.SyncAsync(mode, "test");

    /// <summary>A run that must succeed.</summary>
    public async Task<SyncReport> SyncAsync(SyncMode mode = SyncMode.Full)
    {
        var report = await TrySyncAsync(mode);
        if (report.Error is { } error)
        {
            throw new InvalidOperationException($"{error.Code} {error.WireCode}: {error.Message}", error);
        }

        return report;
    }

    /// <summary>Everything accounted for, nothing waiting, nothing dead.</summary>
    public void AssertQuiet()
    {
        var ledger = Store.EngineSession.Outbox.ReadLedger();
        Assert.True(ledger.AddsUp, ledger.ToString());
        Assert.Equal(0, ledger.Waiting);
        Assert.Equal(0, ledger.Dead);
        Assert.Equal(0, Store.EngineSession.Aside.Count());
        foreach (var table in Store.EngineSession.Tables)
        {
            Assert.Empty(MissedChanges.Find(Store.EngineSession, table));
        }
    }

    /// <summary>The process ends and starts again: nothing is kept but the file.</summary>
    public async Task RestartAsync(World world)
    {
        _app.Dispose();
        await Store.DisposeAsync();
        _app = SqliteFile.Open(Path, new OpenOptions());
        Store = LocalStore.Open(Path, new StoreOptions { Merges = world.Merges }, SyncEnvironment.System);
        Connect(world);
    }

    public async ValueTask DisposeAsync()
    {
        _app.Dispose();
        Service.Dispose();
        await Store.DisposeAsync();
    }
}

/// <summary>A folder watch that never tells anything: the test says when to look.</summary>
internal sealed class NoWatch : IDisposable
{
    public static NoWatch Instance { get; } = new();

    public void Dispose()
    {
        // Nothing is watched.
    }
}

/// <summary>Steps that many tests take.</summary>
internal static class Steps
{
    /// <summary>Runs all devices in turn until a whole round had nothing to do.</summary>
    public static async Task UntilQuietAsync(params Device[] devices)
    {
        for (var round = 0; round < 20; round++)
        {
            var idle = true;
            foreach (var device in devices)
            {
                idle &= (await device.SyncAsync()).Outcome == SyncOutcome.Idle;
            }

            if (idle)
            {
                return;
            }
        }

        Assert.Fail("Not quiet after 20 rounds: " + string.Join("; ", devices.Select(d => $"{d.Path}: {d.Store.EngineSession.Outbox.ReadLedger()} aside {string.Join(",", d.Store.EngineSession.Aside.ReadAll().Select(a => a.Type + a.Key + a.Cause))}")));
    }

    /// <summary>All tables of both devices are equal, row by row, and both have their books in order.</summary>
    public static void AssertEqual(Device a, Device b)
    {
        foreach (var type in a.Store.Model.Entities)
        {
            var sql = $"SELECT * FROM {SqlName.Quote(type.TableName)} ORDER BY {string.Join(", ", type.Key.Select(SqlName.Quote))}";
            Assert.Equal(a.Rows(sql), b.Rows(sql));
        }

        a.AssertQuiet();
        b.AssertQuiet();
    }
}
