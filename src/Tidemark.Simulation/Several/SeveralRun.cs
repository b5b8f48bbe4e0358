using Tidemark.Client.Coordination;
using Tidemark.Client.Encryption;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Several;
using Tidemark.Model.Entities;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Runs;

namespace Tidemark.Simulation.Several;

/// <summary>
/// The ninth workload: one person's three devices and three remotes of which each device sees two. Remotes that lack this or that, flap, forget and are emptied, lost answers, edits between stage and push, a device
/// that gets its key late, rows shown twice and out of order, processes that are killed at any statement or call; with even seeds also writers that know no stamps, with every fourth rules that wait for all remotes, with every sixth clocks that differ.
/// The tenth: also, in three of seven histories, a remote without room for stamps (all devices see all three then); rows that other writers delete for good, keys that are changed, other accounts, a second newcomer.
/// </summary>
internal sealed class SeveralRun : WorldRun
{
    private const int Count = 3;
    private const int RoundsMax = 15;
    private static readonly TimeSpan EditTime = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan ClockGap = TimeSpan.FromSeconds(100);
    private readonly IReadOnlyList<IChecker> _checkers = SeveralCheckers.Make();
    private readonly List<ProgrammableRemote> _remotes = [];
    private readonly List<SeveralDevice> _devices = [];
    private readonly SeveralSteps _steps;
    private readonly Dictionary<ProgrammableRemote, string> _accounts = [];
    private readonly List<SeveralDevice> _late = [];
    private readonly RandomSource _secrets;
    private KeyRing _ring;
    private SeveralDevice? _syncing;
    private int _syncs;

    public SeveralRun(SimulationOptions options, string folder)
        : base(options, folder, 900)
    {
        Truth = new SeveralTruth(this);
        var random = Dice.Fork();
        _secrets = random.Fill;
        _ring = KeyRing.Empty.Rotated(_secrets);
        for (var i = 0; i < Count; i++)
        {
            _remotes.Add(MakeRemote(i));
            _accounts[_remotes[i]] = _remotes[i].User;
        }

        for (var i = 0; i < Count; i++)
        {
            var skew = HasOthers && Options.Seed % 3 == 0 ? (i - 1) * ClockGap : TimeSpan.Zero;
            var sees = _remotes.Where((_, r) => r != i || !IsStamped).ToList(); // What comes by way of a remote without stamps counts as written when it came there: all devices have others in common.
            _devices.Add(new SeveralDevice(this, ((char)('A' + i)).ToString(), IsRuled ? Ruled : Notes, Dice.Chance(0.5) ? sees : [.. sees.AsEnumerable().Reverse()], skew, folder, Dice.Fork()));
        }

        var early = random.Pick(_devices); // Somebody made the key.
        _late.AddRange(_devices.Where(d => d != early && random.Chance(0.6)));
        _devices.Except(_late).ToList().ForEach(d => d.GiveKeys(_ring));
        _steps = new SeveralSteps(this, Dice.Fork());
    }

    public static SyncModel Notes { get; } = new SyncModelBuilder()
        .Entity("note", e => e
            .Field("id", FieldType.Text).Field("title", FieldType.Text).Field("body", FieldType.Text).Field("secret", FieldType.Text, f => f with { Encrypted = true })
            .Field("n", FieldType.Integer, f => f with { Policy = FieldPolicy.Counter }).Field("tags", FieldType.Text, f => f with { Policy = FieldPolicy.MergeArrays }).Key("id"))
        .Build() with
    {
        Schema = [new SchemaObject { Kind = "table", Name = "note", Table = "note", Sql = "CREATE TABLE note(id TEXT PRIMARY KEY, title TEXT, body TEXT, secret TEXT, n INTEGER, tags TEXT)" }],
    };

    // Rules that are no joins, and decide only when all remotes that a device sees are there.
    private static SyncModel Ruled { get; } = Notes with
    {
        Entities =
        [
            .. Notes.Entities.Select(e => e with
            {
                Fields = [.. e.Fields.Select(f => f.Name switch { "title" => f with { Policy = FieldPolicy.ServerWins }, "body" => f with { Policy = FieldPolicy.Text }, _ => f })],
            }),
        ],
    };

    /// <summary>Are there writers that know no stamps? Then nobody can say what was written last.</summary>
    public bool HasOthers => Options.Seed % 2 == 0;

    /// <summary>Is there all that the tenth workload has beside the ninth?</summary>
    public bool IsWide => Options.Workload == Workloads.Tenth;

    public IReadOnlyList<ProgrammableRemote> Remotes => _remotes;

    public IReadOnlyList<SeveralDevice> Devices => _devices;

    public SeveralTruth Truth { get; }

    /// <summary>What others left at remotes in a member that no model has.</summary>
    public List<(string Remote, string Row, string Value)> Unknown { get; } = [];

    /// <summary>How far all clocks are ahead of the scheduler's: edits take their time in the middle of a run, too.</summary>
    public TimeSpan Ahead { get; private set; }

    public long NowTicks => Scheduler.Now + Ahead.Ticks;

    protected override TimeSpan Pause => TimeSpan.FromMinutes(1);

    protected override int DeviceDays => _devices.Count;

    protected override int Syncs => _syncs;

    private bool IsRuled => Options.Seed % 4 == 0;

    // A remote without room for stamps tells when it got something, not when that was written.
    private bool IsStamped => _remotes.TrueForAll(r => r.Capabilities.Stamps);

    /// <summary>One of the devices that have no key yet gets it, if there is one.</summary>
    public void GiveKey()
    {
        if (_late.FirstOrDefault() is { } device)
        {
            _late.Remove(device);
            device.GiveKeys(_ring);
            Say(device.Name, "gets the key");
            Met("key that comes late");
        }
    }

    /// <summary>A device with all keys makes a new one; the others get it later.</summary>
    public void Rotate()
    {
        var device = Dice.Pick(_devices);
        if (!_late.Contains(device))
        {
            _ring = _ring.Rotated(_secrets);
            device.GiveKeys(_ring);
            _late.AddRange(_devices.Where(d => d != device && !_late.Contains(d)));
            Say(device.Name, "makes a new key");
            Met("key changed");
        }
    }

    /// <summary>Whose data the devices know the remote for.</summary>
    public string AccountOf(ProgrammableRemote remote) => _accounts[remote];

    /// <summary>Does the remote hold the data that the devices know it for?</summary>
    public bool IsHome(ProgrammableRemote remote) => remote.User == _accounts[remote];

    /// <summary>Somebody else signs in at the remote on all devices: for a while, or for good.</summary>
    public void SignIn(ProgrammableRemote remote, string user, bool forGood)
    {
        remote.SignIn(user);
        var devices = _devices.Where(d => d.Sees.Contains(remote)).ToList();
        devices.ForEach(d => d.Restart());
        if (forGood)
        {
            _accounts[remote] = user;
            Unknown.RemoveAll(u => u.Remote == remote.Name);
            devices.ForEach(d => d.StartAnewWith(remote));
        }
    }

    public void Pass() => Ahead += EditTime;

    /// <summary>One run of a device, and what must hold behind it.</summary>
    /// <param name="device">The device.</param>
    /// <param name="intrudes">What its app does between the stages and the push.</param>
    /// <param name="isDoomed">The process is to be killed in its middle: nobody knows what it takes up.</param>
    public void Sync(SeveralDevice device, Action<SeveralDevice>? intrudes, bool isDoomed = false)
    {
        _syncs++;
        var written = Truth.PendingWords(device);
        var isWhole = device.Sees.All(r => !r.IsDown && IsHome(r));
        if (!isDoomed)
        {
            Truth.TakeUp(device);
        }

        foreach (var remote in _remotes)
        {
            remote.BeforePush = () =>
            {
                var act = intrudes;
                intrudes = null;
                act?.Invoke(device);
            };
        }

        var outer = _syncing;
        _syncing = device;
        var report = device.Sync();
        _syncing = outer;
        _remotes.ForEach(r => r.BeforePush = null);
        written = [.. written.Where(w => isDoomed || !Truth.IsPending(device, w.Key))]; // Not what was written over in the run.
        if (device.HasTakenUp)
        {
            Truth.TakeUp(device); // A second round has taken it up, or one before the end.
        }

        Say(device.Name, report is null ? "is killed in the middle of a run"
            : TextOf(report));
        foreach (var (key, field, word) in written)
        {
            var stands = device.Has(key) ? device.Scalar($"SELECT {field} FROM note WHERE id = '{key}'").ToString() : null;
            Observe(new EditMerged(device.Name, $"{key}.{field}", word, stands, stands?.Contains(word, StringComparison.Ordinal) != true && device.HasRecord(key, field, word), isWhole || !IsRuled || field == "secret"));
        }

        LookAt(device);
    }

    public override void Dispose() => _devices.ForEach(d => d.Dispose());

    protected override int StepsOfSeed() => 45;

    protected override void Next() => _steps.Next();

    protected override void Settle()
    {
        while (_late.Count > 0)
        {
            GiveKey();
        }

        foreach (var remote in _remotes)
        {
            (remote.IsDown, remote.LosesNextAnswer, remote.Shuffles) = (false, false, false);
            remote.SignIn(_accounts[remote]);
        }

        if (!BecomesQuiet())
        {
            return;
        }

        var known = _devices.ToList();
        Join("N", [.. _remotes.AsEnumerable().Reverse()]);
        if (IsWide)
        {
            Join("M", _remotes);
        }

        if (!IsStamped && !BecomesQuiet())
        {
            return;
        }

        Observe(new SeveralAtRest(
            [.. _devices.Select(d => (d.Name, d.Rows()))], known[0].Plain(), [.. _devices.SelectMany(d => d.Remotes.ReadQuarantine().Select(q => $"{q.Type} {q.Key} of {q.Remote} on {d.Name} ({q.Cause}: {q.Detail})"))], _remotes.ToDictionary(r => r.Name, r => r.Rows(), StringComparer.Ordinal), Unknown));
        if (!HasOthers && IsStamped)
        {
            Truth.Check(known[0]);
        }

        CheckAgain(known);
        Say("end", string.Join("; ", known[0].Rows()));
    }

    private void Join(string name, IReadOnlyList<ProgrammableRemote> sees)
    {
        var newcomer = new SeveralDevice(this, name, _devices[0].Store.Model, sees, TimeSpan.Zero, Folder, Dice.Fork());
        _devices.Add(newcomer);
        newcomer.GiveKeys(_ring);
        var writes = _remotes.Sum(r => r.Writes);
        Sync(newcomer, null);
        Sync(newcomer, null);
        if (IsStamped)
        {
            Observe(new FetchedAgain(newcomer.Name, [], [], _remotes.Sum(r => r.Writes) - writes));
        }
    }

    // In each history another remote lacks another thing.
    private ProgrammableRemote MakeRemote(int number)
    {
        var remote = new ProgrammableRemote
        {
            Name = FormattableString.Invariant($"r{number}"),
            NowMs = () => (NowTicks / TimeSpan.TicksPerMillisecond) + StartMs,
            Capabilities = ((Options.Seed + (ulong)number) % (IsWide ? 7UL : 6UL)) switch
            {
                2 => new RemoteCapabilities { Patches = false },
                3 => new RemoteCapabilities { Lookup = false },
                4 => new RemoteCapabilities { ConditionalWrites = false },
                5 => new RemoteCapabilities { Tombstones = false },
                6 => new RemoteCapabilities { Stamps = false },
                _ => new RemoteCapabilities(),
            } with { PageRowsMax = 2 + number }, // Some rows come in several pages everywhere.
        };
        remote.Wrote = (write, former, now) =>
        {
            Unknown.RemoveAll(u => now is null && u.Remote == remote.Name && u.Row == write.Type + write.Key); // Gone with its row.
            Observe(new RowWritten(_syncing!.Name, remote.Name, write.Type + write.Key, former, now)
            {
                IsKnowing = remote.Capabilities is { ConditionalWrites: true, Patches: true },
                IsUnread = _syncing.IsUnread(remote, write.Type, write.Key),
            });
        };
        return remote;
    }

    private long StartMs { get; } = new VirtualClock(new Scheduler(), static () => TimeSpan.Zero).GetUtcNow().ToUnixTimeMilliseconds();

    private bool BecomesQuiet()
    {
        for (var round = 0; round < RoundsMax && Violation is null; round++)
        {
            Rest();
            var isIdle = true;
            foreach (var device in _devices)
            {
                Truth.TakeUp(device);
                _syncing = device;
                var report = device.Sync()!;
                Say(device.Name, TextOf(report));
                isIdle &= report.Outcome == SyncOutcome.Idle;
                LookAt(device);
            }

            if (isIdle)
            {
                return true;
            }
        }

        if (Violation is null)
        {
            Violate("starvation", $"not quiet {RoundsMax} rounds after faults ended");
        }

        return false;
    }

    private static string TextOf(SyncReport report) =>
        $"syncs: {report.Outcome}, sent {report.Push.Accepted}, otherwise {report.Push.Conflicts}, merged {report.Pull.Applied}-{report.Pull.Deleted}, in quarantine {report.Pull.Aside}{(report.Error is { } error ? $" [{error.Code}]" : "")}{string.Concat(report.Warnings.Select(w => $" ({w})"))}";

    private void CheckAgain(IEnumerable<SeveralDevice> devices)
    {
        _remotes.ForEach(r => r.Forget());
        foreach (var device in devices)
        {
            IReadOnlyList<string> before = [.. device.Rows(), .. device.States()];
            var writes = _remotes.Sum(r => r.Writes);
            Sync(device, null);
            Sync(device, null);
            Observe(new FetchedAgain(device.Name, before, [.. device.Rows(), .. device.States()], _remotes.Sum(r => r.Writes) - writes));
        }
    }

    private void LookAt(SeveralDevice device)
    {
        Observe(device.Stamps());
        foreach (var reach in device.Sees.Select(device.ReachOf).OfType<ReachSeen>())
        {
            Observe(reach);
        }

        if (!HasOthers && IsStamped)
        {
            device.Sees.ToList().ForEach(r => Observe(device.ShadowsOf(r)));
        }
    }

    private void Observe(Observation seen)
    {
        foreach (var checker in _checkers)
        {
            checker.Observe(seen, what => Violate(checker.Name, what));
        }
    }
}
