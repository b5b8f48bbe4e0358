using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Tidemark.Client;
using Tidemark.Client.Adoption;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;
using Tidemark.Health.Entities;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Model.Health;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.Sqlite;
using Tidemark.Sqlite;

namespace Tidemark.Health.Tests.Entities;

/// <summary>Workouts as rows of an app that syncs, on two devices and a real server.</summary>
[Trait("req", "HLT-11")]
public sealed class EntityTests : IAsyncLifetime
{
    private const string Schema = "CREATE TABLE events(id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL, started INTEGER NOT NULL, note TEXT); CREATE TABLE marks(id TEXT PRIMARY KEY NOT NULL)";
    private readonly TempFolder _folder = new();
    private readonly List<IDisposable> _open = [];
    private readonly ProgrammableHealthSource _source = new();
    private WebApplication _app = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _app = TidemarkHost.Create(new TidemarkHostOptions
        {
            Urls = ["http://127.0.0.1:0"],
            DataDirectory = _folder.Path,
            Store = SqliteServerStore.Open(_folder.File("server.db"), ServerEnvironment.System),
            Environment = ServerEnvironment.System,
            Server = new ServerOptions { Dev = true },
            Configure = b => b.Logging.ClearProviders(),
        });
        await _app.StartAsync(Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        _open.Reverse();
        _open.ForEach(o => o.Dispose());
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Two_devices_that_make_the_same_workouts_end_with_each_once()
    {
        var (phone, tablet) = (Make("phone"), Make("tablet"));
        Add(30);
        Assert.False((await phone.Entities().ReconcileAsync(Cancel)).IsDone); // Not before the first fetch is complete.
        Assert.Equal(0, phone.Count());
        await phone.SyncAsync();
        await tablet.SyncAsync();
        Assert.Equal(30, (await phone.Entities().ReconcileAsync(Cancel)).Made);
        Assert.Equal(30, (await tablet.Entities().ReconcileAsync(Cancel)).Made);
        for (var i = 0; i < 2; i++)
        {
            await phone.SyncAsync();
            await tablet.SyncAsync();
        }

        Assert.Equal((30, 30), (phone.Count(), tablet.Count()));
        Assert.Equal(phone.Rows(), tablet.Rows());
        Assert.Equal(0, (await phone.Entities().ReconcileAsync(Cancel)).Made);
    }

    [Fact]
    public async Task Reconciliations_at_once_on_two_connections_make_each_row_once()
    {
        var phone = Make("phone");
        await phone.SyncAsync();
        Add(300);
        using var second = HealthStore.Open(phone.Path, SyncEnvironment.System, Durability.Off);
        var reports = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() => phone.Entities(i % 2 == 0 ? null : second).ReconcileAsync(Cancel))));
        Assert.Equal(300, reports.Sum(r => r.Made));
        Assert.Equal(300, phone.Count());
    }

    [Fact]
    public async Task A_row_that_somebody_deleted_is_made_again_by_nobody()
    {
        var (phone, tablet) = (Make("phone"), Make("tablet"));
        await phone.SyncAsync();
        await tablet.SyncAsync();
        Add(3);
        await phone.Entities().ReconcileAsync(Cancel);
        phone.Run("DELETE FROM events WHERE title = 'Running 1'");
        await phone.SyncAsync();
        _source.Compact(); // Every anchor is forgotten: all is told again.
        Assert.Equal(0, (await phone.Entities().ReconcileAsync(Cancel)).Made);

        // The tablet learns of the sample after the deletion.
        await tablet.SyncAsync();
        Assert.Equal(0, (await tablet.Entities().ReconcileAsync(Cancel)).Made);
        await tablet.SyncAsync();
        await phone.SyncAsync();
        Assert.Equal((2, 2), (phone.Count(), tablet.Count()));
    }

    [Fact]
    public async Task A_corrected_workout_changes_its_row_and_a_deleted_one_takes_it_along_unless_somebody_has_edited_it()
    {
        var phone = Make("phone");
        await phone.SyncAsync();
        Add(4);
        await phone.Entities().ReconcileAsync(Cancel);
        phone.Run("UPDATE events SET title = 'Mine' WHERE title IN ('Running 1', 'Running 3')");
        phone.Run("UPDATE events SET note = 'a note' WHERE title = 'Running 0'");
        _source.Add(Workout(0, "Cycling", 1));
        _source.Add(Workout(1, "Cycling", 1));
        _source.Delete(Workout(2, "Running"));
        _source.Delete(Workout(3, "Running"));
        Assert.Equal((0, 1, 1, 2), (await phone.Entities().ReconcileAsync(Cancel)) is var r ? (r.Made, r.Changed, r.Deleted, r.Left) : default);
        Assert.Equal(["Cycling 0|a note", "Mine|", "Mine|"], phone.Rows().Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_page_and_its_anchor_are_one_commit()
    {
        var phone = Make("phone");
        await phone.SyncAsync();
        Add(5);
        var calls = 0;
        var broken = new HealthEntities(phone.Store, _source, Mapping(s => ++calls == 4 ? throw new InvalidOperationException("no") : Columns(s)), _ => Task.FromResult(true));
        await Assert.ThrowsAsync<InvalidOperationException>(() => broken.ReconcileAsync(Cancel));
        Assert.Equal(0, phone.Count());
        Assert.Equal(5, (await phone.Entities().ReconcileAsync(Cancel)).Made);
    }

    private static HealthSample Workout(int number, string activity, long version = 0)
    {
        var steps = ProgrammableHealthSource.Of(HealthTypes.Workout, "kcal", 1_700_000_000_000 + (number * 3_600_000L), number, version);
        return new HealthSample { Id = steps.Id, Version = version, Kind = HealthKind.Workout, Type = HealthTypes.Workout, StartMs = steps.StartMs, EndMs = steps.EndMs, Value = number, Unit = "kcal", Category = activity, Origin = steps.Origin };
    }

    private static Dictionary<string, Value> Columns(HealthSample sample) => new(StringComparer.Ordinal) { ["title"] = Value.Text($"{sample.Category} {sample.Value}"), ["started"] = Value.Integer(sample.StartMs) };

    private static HealthEntityMapping Mapping(Func<HealthSample, IReadOnlyDictionary<string, Value>?> map) => new() { Name = "events", Types = [HealthTypes.Workout], Table = "events", Marks = "marks", Map = map };

    private void Add(int count)
    {
        for (var i = 0; i < count; i++)
        {
            _source.Add(Workout(i, "Running"));
        }
    }

    private Device Make(string name)
    {
        using var tokens = TidemarkTokens.Open(_folder.Path);
        var token = tokens.Create("ann", TimeSpan.FromHours(1), administrator: true);
        var device = new Device(_folder.File(name + ".db"), new Uri(_app.Urls.First()), token, _source);
        _open.Add(device);
        return device;
    }

    private sealed class Device : IDisposable
    {
        private readonly LocalStore _local;
        private readonly TidemarkHttpRemote _remote;
        private readonly DataSyncService _service;
        private readonly ProgrammableHealthSource _source;

        public Device(string path, Uri server, string token, ProgrammableHealthSource source)
        {
            (Path, _source) = (path, source);
            using (var db = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, Checkpoints = true }))
            {
                db.Run(Schema);
            }

            Adopter.Adopt(path, new AdoptionOptions(), SyncEnvironment.System);
            _local = LocalStore.Open(path, new StoreOptions(), SyncEnvironment.System);
            _remote = new TidemarkHttpRemote(server, _ => Task.FromResult(token), SyncEnvironment.System);
            _service = new DataSyncService(_local, _remote, new SyncOptions(), SyncEnvironment.System);
            Store = HealthStore.Open(path, SyncEnvironment.System, Durability.Off);
        }

        public string Path { get; }

        public HealthStore Store { get; }

        public HealthEntities Entities(HealthStore? store = null) => new(store ?? Store, _source, Mapping(Columns), _service.IsFullyFetchedAsync);

        public async Task SyncAsync() => Assert.Null((await _service.SyncNowAsync(Cancel)).Error);

        public int Count() => Rows().Count;

        public List<string> Rows()
        {
            using var db = SqliteFile.Open(Path, new OpenOptions());
            return db.Query("SELECT title || '|' || coalesce(note, '') FROM events ORDER BY id").ConvertAll(r => r[0].AsText);
        }

        public void Run(string sql)
        {
            using var db = SqliteFile.Open(Path, new OpenOptions());
            db.Run(sql);
        }

        public void Dispose()
        {
            Store.Dispose();
            _service.Dispose();
            _remote.Dispose();
            _local.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }
}
