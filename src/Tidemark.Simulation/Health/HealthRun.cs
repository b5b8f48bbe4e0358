using Tidemark.Client.Errors;
using Tidemark.Model.Health;
using Tidemark.Model.Values;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Runs;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Health;

/// <summary>A sample as the server has it.</summary>
/// <param name="Version">Its version.</param>
/// <param name="IsDeleted">It is remembered as deleted.</param>
/// <param name="Value">Its number.</param>
/// <param name="Blob">The digest that its row says its large part has.</param>
internal readonly record struct ServerSample(long Version, bool IsDeleted, double? Value, string? Blob);

/// <summary>
/// The eighth workload: one person with two phones that hear of the body's samples, in other orders and at other times, over weeks. Locked, forgetful and silent
/// sources, a network that loses, delays and comes late, windows that are short or never given, processes that are killed between any two statements. Promises: nothing
/// that was captured is lost; nothing is there twice; what was deleted stays deleted; anchors never go back, and what is acknowledged is on the server; each workout is a row of the app exactly once.
/// </summary>
internal sealed class HealthRun : WorldRun
{
    private const int RoundsMax = 20;
    private const int RowRoundsMin = 3;
    private readonly List<HealthPhone> _phones = [];
    private readonly HealthSteps _steps;
    private readonly WorkoutChecker _workouts = new();
    private Dictionary<Guid, ServerSample>? _onServer;

    public HealthRun(SimulationOptions options, string folder)
        : base(options, folder, 700)
    {
        Truth = new HealthTruth(this);
        Backend = new HealthBackend(this, folder, Dice.Fork());
        for (var i = 0; i < (options.Devices ?? 2); i++)
        {
            _phones.Add(new HealthPhone(this, ((char)('A' + i)).ToString(), folder, Dice.Fork()));
        }

        _steps = new HealthSteps(this, Dice.Fork());
    }

    public static IReadOnlyList<string> Types { get; } = ["BodyMass", HealthTypes.Ecg, "HeartRate", "RestingHeartRate", "StepCount", HealthTypes.Workout];

    public HealthTruth Truth { get; }

    public HealthBackend Backend { get; }

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

    public void Observe(Observation seen) => _workouts.Observe(seen, what => Violate(_workouts.Name, what));

    public HealthBatchResponse Upsert(byte[] batch, string? lease)
    {
        _onServer = null;
        var response = Backend.Upsert(batch, lease);
        var read = HealthBatch.Read(batch, HealthLimits.BatchItemsMax);
        foreach (var sample in read.Samples.OfType<HealthSample>())
        {
            Figures.Arrived(sample.Id, sample.Version, Scheduler.Now);
            if (HealthTruth.BlobOf(sample.Extra?.Utf8) is { } name && Backend.BlobOf(name) is null)
            {
                Violate("blob", $"the row of {sample.Type} {sample.Id} says that {name} is on the server before it is");
            }
        }

        return response;
    }

    /// <summary>Nobody waits for an answer any more.</summary>
    public void UpsertLate(byte[] batch, string? lease)
    {
        try
        {
            Upsert(batch, lease);
        }
        catch (SyncException)
        {
            // Nobody hears it.
        }
    }

    /// <summary>What the server holds, living and deleted.</summary>
    public IReadOnlyDictionary<Guid, ServerSample> OnServer() => _onServer ??= ReadServer();

    private Dictionary<Guid, ServerSample> ReadServer()
    {
        using var db = SqliteFile.Open(Backend.Samples, new OpenOptions { QueryOnly = true });
        return db.Query("SELECT id, version, deleted, value, CASE kind WHEN ?1 THEN extra END FROM _tm_health_sample", Value.Integer((int)HealthKind.Ecg))
            .ToDictionary(r => new Guid(r[0].AsBlob, bigEndian: true), r => new ServerSample(r[1].AsInteger, r[2].AsInteger != 0, r[3].Kind == ValueKind.Real ? r[3].AsReal : null, r[4].Kind == ValueKind.Blob ? HealthTruth.BlobOf(r[4].AsBlob) : null));
    }

    public override void Dispose()
    {
        _phones.ForEach(p => p.Dispose());
        Backend.Dispose();
    }

    protected override int StepsOfSeed() => 150 + Dice.Below(150);

    protected override void Next() => _steps.Next();

    // Everything arrives, everybody has heard of everything; then each phone is opened until nothing waits.
    protected override void Settle()
    {
        IsAway = false;
        Backend.IsDoomed = false;
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
                SettleRows();
                return;
            }
        }

        if (Violation is null)
        {
            Violate("starvation", $"{RoundsMax} rounds after faults ended there still wait {string.Join(" and ", _phones.Select(p => $"{p.Waiting} on {p.Name}"))}");
        }
    }

    private void SettleRows()
    {
        for (var round = 0; round < RoundsMax && Violation is null && (round < RowRoundsMin || !_phones.TrueForAll(p => p.Rows().SequenceEqual(Backend.Rows()))); round++)
        {
            Rest();
            _phones.ForEach(p => p.TakeRows());
        }

        Observe(new WorkoutsAtRest(Truth.Workouts(), Truth.Forgotten, [("the server", Backend.Rows()), .. _phones.Select(p => (p.Name, p.Rows()))]));
    }

    protected override SimulationResult Completed(SimulationResult result) => result with { Health = Figures };
}
