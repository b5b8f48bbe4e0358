using Tidemark.Client;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Inspection;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Simulation.Network;
using Tidemark.Simulation.Runs;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Sharing;

/// <summary>One device of a user.</summary>
internal sealed class SharingDevice : WorldDevice
{
    private readonly SharingRun _run;
    private readonly Dice _dice;
    private readonly IReadOnlyList<string> _shipped; // catalog files that came with the app
    private int _processes;
    private bool _isRunning;
    private TidemarkHttpRemote _remote = null!;

    public SharingDevice(SharingRun run, string name, string user, string folder, Dice dice, IReadOnlyList<string>? shipped = null)
        : base(run, name, folder)
    {
        (_run, User, _dice, _shipped) = (run, user, dice, shipped ?? []);
        KeepFile();
        Client.Adoption.Adopter.CreateEmpty(FilePath, run.Model, Environment());
        Open();
    }

    public string User { get; }

    /// <summary>As <see cref="WorldDevice.Sync"/>, the process killed somewhere on the way.</summary>
    public SyncReport? Sync(bool isKilled)
    {
        if (isKilled)
        {
            KillIn(_dice.Below(250));
        }

        _isRunning = true;
        try
        {
            return Sync();
        }
        finally
        {
            _isRunning = false;
        }
    }

    /// <summary>The app brings a newer, or older, catalog file along; null: it was killed over it.</summary>
    public long? Install(string file, bool isKilled)
    {
        if (_isRunning)
        {
            return Store.SeedCatalogs([file]); // Killed over it, the run is.
        }

        if (isKilled)
        {
            KillIn(_dice.Below(60));
        }

        try
        {
            var rows = Store.SeedCatalogs([file]);
            Watch.NoCrash();
            return rows;
        }
        catch (SimulatedCrashException)
        {
            _run.Met("kill");
            Restart();
            return null;
        }
    }

    /// <summary>Does the file hold the space?</summary>
    public bool Holds(string space) => Client.Spaces.HeldSpace.ReadAll(Store.EngineSession.Db).Exists(h => !h.IsGone && h.Space == space);

    /// <summary>From now on the engine's writes meet this trouble with that chance.</summary>
    public void Trouble(StoreTrouble trouble, double chance)
    {
        _run.Met("disk-" + (trouble == StoreTrouble.IoError ? "broken" : trouble.ToString().ToLowerInvariant()));
        _run.Say(Name, $"the disk is in trouble: {trouble}");
        Watch.Trouble(trouble, chance, _dice.Fork());
    }

    public void NoTrouble() => Watch.NoTrouble();

    public bool Has(string id) => Read($"SELECT 1 FROM ({_run.Lines("''")}) WHERE id = '{id}'").Count > 0;

    public IReadOnlyList<DeadLetter> DeadLetters() => new StoreInspector(Store).DeadLetters();

    public void Discard(DeadLetter letter) => Store.DiscardAsync(letter.Id, default).GetAwaiter().GetResult();

    private SyncEnvironment Environment()
    {
        Clock = new VirtualClock(_run.Scheduler, static () => TimeSpan.Zero);
        Watch = new DiskWatch(Clock);
        var (random, wire, name) = (_dice.Fork(), _dice.Fork(), $"sim/{Name}/{++_processes}");
        return new SyncEnvironment
        {
            Time = Clock,
            Random = random.Fill,
            Transport = () => new SharingWire(_run, this, wire),
            ProcessName = name,
            IsAlive = other => other == name,
            Scheduler = InlineTasks.Instance,
            Statements = Watch,
        };
    }

    protected override void Open()
    {
        var environment = Environment();
        Store = LocalStore.Open(FilePath, new StoreOptions { BusyTimeout = TimeSpan.Zero, Catalogs = _shipped }, environment);
        _remote = new TidemarkHttpRemote(new Uri("http://127.0.0.1"), _ => Task.FromResult(User), environment);
        var options = new SyncOptions { Push = { Backoff = new Backoff { FirstDelayMs = 0, DelayMaxMs = 0 } }, Pull = { PageRowsMax = _dice.Pick([2, 5, 5000]), UsesSnapshots = _run.HasCatalog } };
        Service = new DataSyncService(Store, _remote, options, environment);
    }

    protected override void CloseRemotes() => _remote.Dispose();
}
