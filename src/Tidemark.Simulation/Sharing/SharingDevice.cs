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
    private int _processes;
    private TidemarkHttpRemote _remote = null!;

    public SharingDevice(SharingRun run, string name, string user, string folder, Dice dice)
        : base(run, name, folder)
    {
        (_run, User, _dice) = (run, user, dice);
        KeepFile();
        Client.Adoption.Adopter.CreateEmpty(FilePath, SharingRun.Model, Environment());
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

        return Sync();
    }

    /// <summary>From now on the engine's writes meet this trouble with that chance.</summary>
    public void Trouble(StoreTrouble trouble, double chance)
    {
        _run.Met("disk-" + (trouble == StoreTrouble.IoError ? "broken" : trouble.ToString().ToLowerInvariant()));
        _run.Say(Name, $"the disk is in trouble: {trouble}");
        Watch.Trouble(trouble, chance, _dice.Fork());
    }

    public void NoTrouble() => Watch.NoTrouble();

    public bool Has(string id) => Read($"SELECT 1 FROM list WHERE id = '{id}' UNION ALL SELECT 1 FROM item WHERE id = '{id}'").Count > 0;

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
            Transport = () => new SharingWire(_run, Name, wire),
            ProcessName = name,
            IsAlive = other => other == name,
            Scheduler = InlineTasks.Instance,
            Statements = Watch,
        };
    }

    protected override void Open()
    {
        var environment = Environment();
        Store = LocalStore.Open(FilePath, new StoreOptions { BusyTimeout = TimeSpan.Zero }, environment);
        _remote = new TidemarkHttpRemote(new Uri("http://127.0.0.1"), _ => Task.FromResult(User), environment);
        var options = new SyncOptions { Push = { Backoff = new Backoff { FirstDelayMs = 0, DelayMaxMs = 0 } }, Pull = { PageRowsMax = _dice.Pick([2, 5, 5000]) } };
        Service = new DataSyncService(Store, _remote, options, environment);
    }

    protected override void CloseRemotes() => _remote.Dispose();
}
