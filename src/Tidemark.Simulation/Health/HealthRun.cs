using System.Security.Cryptography;
using System.Text;
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
internal sealed class HealthRun
{
    private const int RoundsMax = 20;
    private static readonly TimeSpan Pause = TimeSpan.FromHours(2);
    private static readonly Caller Person = new(new UserId("ann"), IsAdministrator: false);
    private readonly SimulationOptions _options;
    private readonly string _folder;
    private readonly Dice _dice;
    private readonly List<HealthPhone> _phones = [];
    private readonly List<string> _story = [];
    private readonly List<(int Step, Action Handle)> _late = [];
    private readonly SortedDictionary<string, int> _met = new(StringComparer.Ordinal);
    private readonly SqliteHealthStore _store;
    private readonly HealthServer _server;
    private Dictionary<Guid, ServerSample>? _onServer;
    private int _calls;
    private int _step;

    private HealthRun(SimulationOptions options, string folder)
    {
        (_options, _folder, _dice) = (options, folder, new Dice(Dice.Mix(options.Seed, 700)));
        Truth = new HealthTruth(this);
        var random = _dice.Fork();
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
            _phones.Add(new HealthPhone(this, ((char)('A' + i)).ToString(), folder, _dice.Fork()));
        }
    }

    public static IReadOnlyList<string> Types { get; } = ["BodyMass", "HeartRate", "RestingHeartRate", "StepCount"];

    public Scheduler Scheduler { get; } = new();

    public HealthTruth Truth { get; }

    public HealthFigures Figures { get; } = new();

    public IReadOnlyList<HealthPhone> Phones => _phones;

    public bool Calm { get; private set; }

    /// <summary>The server cannot be reached by anybody.</summary>
    public bool IsAway { get; set; }

    /// <summary>How many of a thousand requests break, in parts of one.</summary>
    public double Loss { get; set; } = 0.03;

    public int Edits { get; set; }

    public Violation? Violation { get; private set; }

    public static SimulationResult Play(SimulationOptions options, string defaultFolder)
    {
        var before = SynchronizationContext.Current;
        var folder = Directory.CreateDirectory(Path.Combine(options.Folder ?? defaultFolder, FormattableString.Invariant($"tidemark-health-{Environment.ProcessId}-{Environment.CurrentManagedThreadId}-{options.Seed}")));
        SynchronizationContext.SetSynchronizationContext(null);
        HealthRun? run = null;
        try
        {
            run = new HealthRun(options, folder.FullName);
            run.PlayGuarded();
            return run.Result();
        }
        finally
        {
            run?.Close();
            if (!options.KeepFiles)
            {
                folder.Delete(recursive: true);
            }

            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    public void Say(string who, string what)
    {
        _calls++;
        _story.Add($"{Story.TimeOf(Scheduler.Now)}  {who}: {what}");
    }

    public void Met(string fault) => _met[fault] = _met.GetValueOrDefault(fault) + 1;

    public void Violate(string checker, string what)
    {
        if (Violation is null)
        {
            Violation = new Violation(checker, what);
            Say("CHECK", $"{checker}: {what}");
        }
    }

    /// <summary>What happens some steps from now, whatever happens until then.</summary>
    public void ArriveLater(Action handle) => _late.Add((_step + 1 + _dice.Below(12), handle));

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

    private string ServerPath => Path.Combine(_folder, "health.db");

    private void PlayGuarded()
    {
        try
        {
            var steps = new HealthSteps(this, _dice.Fork());
            var count = _options.Steps ?? 150 + _dice.Below(150);
            for (_step = 0; _step < count && Violation is null; _step++)
            {
                Scheduler.RunUntil(Scheduler.Now + _dice.Below(Pause.Ticks), static () => { });
                ArriveUntil(_step);
                steps.Next();
            }

            Settle();
        }
#pragma warning disable CA1031 // whatever is thrown is a finding, with the story that led to it
        catch (Exception e)
#pragma warning restore CA1031
        {
            Violate("thrown", e.ToString());
        }
    }

    private void ArriveUntil(int step)
    {
        foreach (var late in _late.Where(l => l.Step <= step).ToArray())
        {
            _late.Remove(late);
            late.Handle();
        }
    }

    // Everything arrives, everybody has heard of everything; then each phone is opened until nothing waits.
    private void Settle()
    {
        Calm = true;
        IsAway = false;
        while (_late.Count > 0)
        {
            ArriveUntil(int.MaxValue);
        }

        foreach (var phone in _phones)
        {
            phone.IsDoomed = false;
            phone.Network.Set(isOnline: true);
        }

        for (var round = 0; round < RoundsMax && Violation is null; round++)
        {
            Scheduler.RunUntil(Scheduler.Now + Pause.Ticks, static () => { });
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

    private SimulationResult Result() => new()
    {
        Seed = _options.Seed,
        Violation = Violation,
        Digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', _story)))),
        Story = _story,
        FaultsMet = _met,
        DeviceDays = _phones.Count * (int)Math.Ceiling(TimeSpan.FromTicks(Scheduler.Now).TotalDays),
        Steps = _step,
        Edits = Edits,
        Syncs = _calls,
        Events = Scheduler.Events,
        Health = Figures,
    };

    private void Close()
    {
        _phones.ForEach(p => p.Dispose());
        _store.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
