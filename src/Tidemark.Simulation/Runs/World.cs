using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Tidemark.Client.Coordination;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Devices;
using Tidemark.Simulation.Network;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Runs;

/// <summary>Everything there is in one run: time, devices, the server, and those who watch.</summary>
internal sealed class World
{
    private static readonly int EditWeights = Workload.Edits.All.Sum(e => e.Weight);
    private readonly Plan _plan;
    private readonly List<SimulatedDevice> _devices = [];
    private readonly List<string> _story = [];
    private readonly SortedDictionary<string, int> _met = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _words = new(StringComparer.Ordinal);
    private readonly HashSet<string> _awaited = new(StringComparer.Ordinal); // Devices that have not synced since the last restore.
    private readonly IReadOnlyList<IChecker> _checkers;
    private readonly IncrementalHash _digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly ServerReader _reader;
    private int _names;

    public World(Plan plan, string folder)
    {
        _plan = plan;
        Folder = folder;
        Shape = plan.Shape;
        Schema = RandomSchema.Make(new Dice(Dice.Mix(plan.Options.Seed, 2)), plan.Options.Workload);
        Guests = new Guests(this);
        _checkers = [.. AllCheckers.Make(Schema, Shape.Server.Leases), .. plan.Options.Own is { } own ? [own()] : Array.Empty<IChecker>()];
        Hints = Workloads.Has(plan.Options.Workload, Workloads.Fourth) ? new SimulatedHints(this, new Dice(Dice.Mix(plan.Options.Seed, 5))) : null;
        Server = new SimulatedServer(this, new Dice(Dice.Mix(plan.Options.Seed, 3)));
        _reader = new ServerReader(Schema);
        for (var i = 0; i < Shape.Devices; i++)
        {
            _devices.Add(SimulatedDevice.Adopted(this, NextName(), Shape.Users[i % Shape.Users.Count], Dice.Mix(plan.Options.Seed, 100 + (ulong)i)));
        }
    }

    public Scheduler Scheduler { get; } = new();

    public Shape Shape { get; }

    public string Folder { get; }

    public RandomSchema Schema { get; }

    /// <summary>The tables are declared with policies of their own.</summary>
    public bool HasPolicies => Workloads.Has(_plan.Options.Workload, Workloads.Third);

    public SimulatedServer Server { get; }

    public Guests Guests { get; }

    /// <summary>Null: a workload without hints.</summary>
    public SimulatedHints? Hints { get; }

    public IReadOnlyList<string> Users => Shape.Users;

    public IReadOnlyList<SimulatedDevice> Devices => _devices;

    /// <summary>The first promise that was broken; null when all hold.</summary>
    public Violation? Violation { get; private set; }

    public IReadOnlyList<string> Story => _story;

    /// <summary>Which faults really struck, and how often.</summary>
    public IReadOnlyDictionary<string, int> FaultsMet => _met;

    public int Edits { get; private set; }

    /// <summary>Faults are over, and the apps are closed.</summary>
    public bool Calm { get; set; }

    public int RunsEnded { get; private set; }

    /// <summary>Of the run that ended last.</summary>
    public SyncReport? LastReport { get; private set; }

    public SimulatedDevice Device(int number) => _devices[number % _devices.Count];

    /// <summary>An edit of this workload.</summary>
    public IEdit PickOf(Dice dice)
    {
        var shelves = Schema.Tables.Any(t => t.ShelfIndex is not null) && dice.Chance(0.2);
        return shelves ? dice.Pick(Workload.Edits.Shelves) : PickEdit(dice);
    }

    public IEdit PickEdit(Dice dice)
    {
        var left = dice.Below(EditWeights);
        var edit = Workload.Edits.All.First(e => (left -= e.Weight) < 0);
        return edit is ChangeKey && _plan.Options.Workload == Workloads.Sixth ? Workload.Edits.All[1] : edit; // Changed keys have open seeds of their own.
    }

    /// <summary>A text that nobody has written before: the device and a number.</summary>
    public string NextWord(string device) => device + (_words[device] = WordsOf(device) + 1).ToString(CultureInfo.InvariantCulture);

    public long WordsOf(string device) => _words.GetValueOrDefault(device);

    public void Met(string fault) => _met[fault] = _met.GetValueOrDefault(fault) + 1;

    public void Say(SimulatedDevice device, string what) => Say(device.Name, what);

    public void Say(string who, string what)
    {
        var line = $"{Runs.Story.TimeOf(Scheduler.Now)}  {who}: {what.Replace(Folder, "~", StringComparison.Ordinal)}";
        _story.Add(line);
        _digest.AppendData(Encoding.UTF8.GetBytes(line));
    }

    public void Violate(string checker, string what)
    {
        if (Violation is null)
        {
            Violation = new Violation(checker, what.Replace(Folder, "~", StringComparison.Ordinal));
            Say("CHECK", $"{checker}: {what}");
        }
    }

    public void Observe(Observation seen)
    {
        if (seen is EditSeen)
        {
            Edits++;
        }

        foreach (var checker in _checkers)
        {
            checker.Observe(seen, what => Violate(checker.Name, what));
        }
    }

    public void ObserveServer(string user)
    {
        if (!Server.Down && _reader.Read(Server.Path, user) is { } seen)
        {
            Observe(seen);
        }
    }

    public ServerSeen? ServerOf(string user) => _reader.Read(Server.Path, user);

    public void ObserveServers()
    {
        foreach (var user in Users)
        {
            ObserveServer(user);
        }
    }

    /// <summary>Every device that has ever synced has done so since the server was last restored.</summary>
    public bool IsEverybodyBack => _awaited.Count == 0;

    /// <summary>The server was restored: what it has lost is with the devices.</summary>
    public void AwaitEverybody() => _awaited.UnionWith(Devices.Where(d => d.Process is not { Store.User.Length: 0 }).Select(d => d.Name));

    public void RunEnded(SimulatedDevice device, SyncReport report)
    {
        if (report is { Mode: SyncMode.Full, Outcome: SyncOutcome.Done or SyncOutcome.Idle })
        {
            _awaited.Remove(device.Name);
        }

        RunsEnded++;
        LastReport = report;
        var error = report.Error;
        Say(device, FormattableString.Invariant(
            $"run ends: {report.Outcome}, pushed {report.Push.Accepted}, conflicts {report.Push.Conflicts}, refused {report.Push.Failed}, dead {report.Push.DeadLetters}, pulled {report.Pull.Applied}+{report.Pull.Merged}-{report.Pull.Deleted}, aside {report.Pull.Aside}, waiting {report.Pending}")
            + (error is null ? "" : $" [{error.Code} {error.WireCode}] {error.Message}") + string.Concat(report.Warnings.Select(w => " (" + w + ")")));
        Observe(new RunSeen(device.Name, report.Outcome.ToString(), error?.Code.ToString(), report.Warnings.Count > 0, BooksReader.LockIsFree(device, device.Process!.Name) || device.Process!.Watch.TroublesMade > 0));
        ObserveDevice(device);
    }

    public void ObserveDevice(SimulatedDevice device)
    {
        if (device.Process is not null)
        {
            Observe(new DeviceSeen(device.Name, BooksReader.Read(device, Schema)));
        }
    }

    public void Clone(int device, Dice dice)
    {
        var from = Device(device);
        if (from.Process is null || _devices.Count >= Shape.Devices + 2)
        {
            return;
        }

        var name = NextName();
        Say(from, $"is cloned: the copy is {name}");
        Observe(new DeviceCloned(name, from.Name));
        _devices.Add(from.Clone(name, dice.Next()));
    }

    /// <summary>A digest of the story and of all databases.</summary>
    public string Digest()
    {
        foreach (var device in _devices.Where(d => d.Process is not null))
        {
            foreach (var table in device.App.Query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"))
            {
                foreach (var row in device.App.Query($"SELECT * FROM {Tidemark.Sqlite.SqlName.Quote(table[0].AsText)}"))
                {
                    _digest.AppendData(Encoding.UTF8.GetBytes(string.Join('|', row.Select(v => v.ToString())).Replace(Folder, "~", StringComparison.Ordinal)));
                }
            }
        }

        ServerReader.DigestOf(Server.Path, line => _digest.AppendData(Encoding.UTF8.GetBytes(line.Replace(Folder, "~", StringComparison.Ordinal))));
        return Convert.ToHexStringLower(_digest.GetCurrentHash());
    }

    public void Close()
    {
        Guests.EndAll();
        foreach (var device in _devices)
        {
            device.Off();
        }

        _reader.Dispose();
        Server.Stop();
        _digest.Dispose();
    }

    private string NextName() => ((char)('A' + _names++)).ToString();
}

/// <summary>A broken promise.</summary>
/// <param name="Checker">Which checker called out.</param>
/// <param name="What">What it saw.</param>
public sealed record Violation(string Checker, string What);
