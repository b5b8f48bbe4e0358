using Tidemark.Model.Health;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Health;
using Tidemark.Server.Sqlite.Health;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Runs;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Health;

/// <summary>A sample as the server has it.</summary>
internal readonly record struct ServerSample(long Version, bool IsDeleted, double? Value);

/// <summary>
/// The eighth workload: one person with two phones that hear of the body's samples, in other orders and at other times, over weeks. Locked, forgetful and silent
/// sources, a network that loses, delays and comes late, windows that are short or never given, processes that are killed between any two statements. Promises: nothing
/// that was captured is lost; nothing is there twice; what was deleted stays deleted; anchors never go back, and what is acknowledged is on the server.
/// </summary>
internal sealed class HealthRun : WorldRun
{
    private const int RoundsMax = 20;
    private static readonly Caller Person = new(new UserId("ann"), IsAdministrator: false);
    private readonly List<HealthPhone> _phones = [];
    private readonly SqliteHealthStore _store;
    private readonly HealthServer _server;
    private readonly HealthSteps _steps;
    private Dictionary<Guid, ServerSample>? _onServer;

    public HealthRun(SimulationOptions options, string folder)
        : base(options, folder, 700)
    {
        Truth = new HealthTruth(this);
        var random = Dice.Fork();
        _store = SqliteHealthStore.Open(ServerPath);
        _server = new HealthServer(_store, new ServerEnvironment
        {
            Time = new VirtualClock(Scheduler, static () => TimeSpan.Zero),
            RandomBytes = count =>
            {
                var bytes = new byte[count];
                random.Fill(bytes);
                return bytes;
            },
        });
        for (var i = 0; i < (options.Devices ?? 2); i++)
        {
            _phones.Add(new HealthPhone(this, ((char)('A' + i)).ToString(), folder, Dice.Fork()));
        }

        _steps = new HealthSteps(this, Dice.Fork());
    }

    public static IReadOnlyList<string> Types { get; } = ["BodyMass", "HeartRate", "RestingHeartRate", "StepCount"];

    public HealthTruth Truth { get; }

    public HealthFigures Figures { get; } = new();

    public IReadOnlyList<HealthPhone> Phones => _phones;

    /// <summary>The server cannot be reached by anybody.</summary>
    public bool IsAway { get; set; }

    /// <summary>How many of a thousand requests break, in parts of one.</summary>
    public double Loss { get; set; } = 0.03;

    protected override TimeSpan Pause => TimeSpan.FromHours(2);

    protected override int LateStepsMax => 12;

    protected override int DeviceDays => _phones.Count * (int)Math.Ceiling(TimeSpan.FromTicks(Scheduler.Now).TotalDays);

    protected override int Syncs => Story.Count;

    public HealthBatchResponse Upsert(byte[] batch)
    {
        _onServer = null;
        var response = _server.UpsertAsync(Person, batch, CancellationToken.None).GetAwaiter().GetResult();
        var read = HealthBatch.Read(batch, HealthLimits.BatchItemsMax);
        foreach (var sample in read.Samples.OfType<HealthSample>())
        {
            Figures.Arrived(sample.Id, sample.Version, Scheduler.Now);
        }

        return response;
    }

    public HealthDigests Digests(string type) => _server.GetDigestsAsync(Person, new HealthQuery(type, 0, long.MaxValue / 2), CancellationToken.None).GetAwaiter().GetResult();

    /// <summary>What the server holds, living and deleted.</summary>
    public IReadOnlyDictionary<Guid, ServerSample> OnServer() => _onServer ??= ReadServer();

    private Dictionary<Guid, ServerSample> ReadServer()
    {
        using var db = SqliteFile.Open(ServerPath, new OpenOptions { QueryOnly = true });
        return db.Query("SELECT id, version, deleted, value FROM _tm_health_sample")
            .ToDictionary(r => new Guid(r[0].AsBlob, bigEndian: true), r => new ServerSample(r[1].AsInteger, r[2].AsInteger != 0, r[3].Kind == ValueKind.Real ? r[3].AsReal : null));
    }

    private string ServerPath => Path.Combine(Folder, "health.db");

    public override void Dispose()
    {
        _phones.ForEach(p => p.Dispose());
        _store.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    protected override int StepsOfSeed() => 150 + Dice.Below(150);

    protected override void Next() => _steps.Next();

    // Everything arrives, everybody has heard of everything; then each phone is opened until nothing waits.
    protected override void Settle()
    {
        IsAway = false;
        foreach (var phone in _phones)
        {
            phone.IsDoomed = false;
            phone.Network.Set(isOnline: true);
        }

        for (var round = 0; round < RoundsMax && Violation is null; round++)
        {
            Rest();
            foreach (var phone in _phones)
            {
                phone.EnterForeground();
            }

            if (round > 0 && _phones.TrueForAll(p => p.Waiting == 0))
            {
                Truth.CheckServer();
                return;
            }
        }

        if (Violation is null)
        {
            Violate("starvation", $"{RoundsMax} rounds after faults ended there still wait {string.Join(" and ", _phones.Select(p => $"{p.Waiting} on {p.Name}"))}");
        }
    }

    protected override SimulationResult Completed(SimulationResult result) => result with { Health = Figures };
}
