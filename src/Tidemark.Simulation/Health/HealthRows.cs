using Microsoft.Data.Sqlite;
using Tidemark.Client;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;
using Tidemark.Health.Entities;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Health;
using Tidemark.Model.Values;
using Tidemark.Simulation.Clock;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Health;

/// <summary>What the app of one process makes of workouts: rows in the file that has the health data, by two reconciliations at once on two connections, synced by the real client meanwhile.</summary>
internal sealed class HealthRows
{
    public const string User = "ann";

    private static readonly HealthEntityMapping Mapping = new()
    {
        Name = "workouts",
        Types = [HealthTypes.Workout],
        Table = "events",
        Marks = "marks",
        KeyOf = static id => Value.Text(NameOf(id)),
        Map = static s => new Dictionary<string, Value>(StringComparer.Ordinal) { ["sample"] = Value.Text(NameOf(s.Id)), ["title"] = Value.Text(s.Category!) },
    };

    private readonly LocalStore _local;
    private readonly TidemarkHttpRemote _remote;
    private readonly DataSyncService _service;
    private readonly HealthStore _second;
    private readonly HealthEntities[] _entities;

    public HealthRows(string path, HealthStore first, IHealthChangeSource source, SyncEnvironment environment, Dice dice)
    {
        _local = LocalStore.Open(path, new StoreOptions { BusyTimeout = TimeSpan.Zero }, environment);
        _remote = new TidemarkHttpRemote(new Uri("http://127.0.0.1"), static _ => Task.FromResult(User), environment);
        _service = new DataSyncService(_local, _remote, new SyncOptions { Push = { Backoff = new Backoff { FirstDelayMs = 0, DelayMaxMs = 0 } } }, environment);
        _second = HealthStore.Open(path, environment, Durability.Off);
        var slow = new SlowSource(source, environment, dice);
        _entities = [new(first, slow, Mapping, _service.IsFullyFetchedAsync), new(_second, slow, Mapping, _service.IsFullyFetchedAsync)];
    }

    public static SyncModel Model { get; } = new SyncModelBuilder()
        .Entity("events", e => e.Field("id", FieldType.Text).Field("sample", FieldType.Text).Field("title", FieldType.Text).Key("id"))
        .Entity("marks", e => e.Field("id", FieldType.Text).Key("id"))
        .Build() with
    {
        Schema =
        [
            new SchemaObject { Kind = "table", Name = "events", Table = "events", Sql = "CREATE TABLE events(id TEXT PRIMARY KEY NOT NULL, sample TEXT NOT NULL, title TEXT NOT NULL)" },
            new SchemaObject { Kind = "table", Name = "marks", Table = "marks", Sql = "CREATE TABLE marks(id TEXT PRIMARY KEY NOT NULL)" },
        ],
    };

    /// <summary>Where the anchors of making rows are kept.</summary>
    public static string BookOf(IHealthChangeSource source) => source.Name + "\u2192" + Mapping.Name;

    public static string NameOf(Guid sample) => sample.ToString("D");

    public static IReadOnlyList<WorkoutRow> Read(SqliteConnection db) => db.Query("SELECT id, sample, title FROM events ORDER BY id").ConvertAll(r => new WorkoutRow(r[0].AsText, r[1].AsText, r[2].AsText));

    public async Task<string> TakeAsync()
    {
        var first = _entities[0].ReconcileAsync(CancellationToken.None);
        var sync = _service.SyncAsync(SyncMode.Full, "simulation");
        var second = _entities[1].ReconcileAsync(CancellationToken.None);
        await Task.WhenAll(first, sync, second).ConfigureAwait(false);
        var (one, run, other) = (await first.ConfigureAwait(false), await sync.ConfigureAwait(false), await second.ConfigureAwait(false));
        return $"{run.Outcome}, made {one.Made}+{other.Made}, changed {one.Changed}+{other.Changed}, deleted {one.Deleted}+{other.Deleted}, left {one.Left}+{other.Left}";
    }

    public void Close(bool isKilled)
    {
        _service.Dispose();
        _remote.Dispose();
        if (!isKilled)
        {
            _second.Dispose();
            _local.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>Takes its time to answer: others commit meanwhile.</summary>
    private sealed class SlowSource(IHealthChangeSource source, SyncEnvironment environment, Dice dice) : IHealthChangeSource
    {
        public string Name => source.Name;

        public ValueTask<IReadOnlyList<string>> GetTypesAsync(CancellationToken cancellationToken) => source.GetTypesAsync(cancellationToken);

        public async ValueTask<HealthChangePage> ReadAsync(string type, HealthAnchor? anchor, int limit, CancellationToken cancellationToken)
        {
            var page = await source.ReadAsync(type, anchor, limit, cancellationToken).ConfigureAwait(false);
            await environment.DelayAsync(TimeSpan.FromMilliseconds(dice.Below(2000)), cancellationToken).ConfigureAwait(false);
            return page;
        }
    }
}
