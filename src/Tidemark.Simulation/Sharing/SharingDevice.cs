using Tidemark.Client;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Inspection;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Simulation.Network;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Sharing;

/// <summary>One device of a user: the real client on a file that is copied where a kill leaves it.</summary>
internal sealed class SharingDevice : IDisposable
{
    private readonly SharingRun _run;
    private readonly Dice _dice;
    private readonly string _folder;
    private string _path;
    private int _files;
    private int _processes;
    private VirtualClock _clock = null!;
    private DiskWatch _watch = null!;
    private TidemarkHttpRemote _remote = null!;
    private DataSyncService _service = null!;

    public SharingDevice(SharingRun run, string name, string user, string folder, Dice dice)
    {
        (_run, Name, User, _folder, _dice) = (run, name, user, folder, dice);
        _path = NextPath();
        Client.Adoption.Adopter.CreateEmpty(_path, SharingRun.Model, Environment());
        Open();
    }

    public string Name { get; }

    public string User { get; }

    public LocalStore Store { get; private set; } = null!;

    /// <summary>One run; null when the process was killed in its middle.</summary>
    public SyncReport? Sync(bool isKilled)
    {
        if (isKilled)
        {
            var next = NextPath();
            _watch.CrashIn(_dice.Below(250), () => FileSet.Copy(_path, _path = next));
        }

        try
        {
            var task = _service.SyncAsync(SyncMode.Full, "simulation");
            if (!_run.Scheduler.RunUntil(() => task.IsCompleted, _run.Scheduler.Now + TimeSpan.FromHours(6).Ticks, static () => { }))
            {
                throw new SimulatorException($"{Name}: a run does not end.");
            }

            var report = task.GetAwaiter().GetResult();
            _watch.NoCrash();
            return report;
        }
        catch (SimulatedCrashException)
        {
            _run.Met("kill");
            Close();
            Open();
            return null;
        }
    }

    /// <summary>From now on the engine's writes meet this trouble with that chance.</summary>
    public void Trouble(StoreTrouble trouble, double chance)
    {
        _run.Met("disk-" + (trouble == StoreTrouble.IoError ? "broken" : trouble.ToString().ToLowerInvariant()));
        _run.Say(Name, $"the disk is in trouble: {trouble}");
        _watch.Trouble(trouble, chance, _dice.Fork());
    }

    public void NoTrouble() => _watch.NoTrouble();

    /// <summary>What the app does, in one transaction of its own.</summary>
    public void Write(string sql, params ReadOnlySpan<Value> values)
    {
        using var db = App();
        db.Run(sql, values);
    }

    public List<Value[]> Read(string sql)
    {
        using var db = App();
        return db.Query(sql);
    }

    public bool Has(string id) => Read($"SELECT 1 FROM list WHERE id = '{id}' UNION ALL SELECT 1 FROM item WHERE id = '{id}'").Count > 0;

    public IReadOnlyList<DeadLetter> DeadLetters() => new StoreInspector(Store).DeadLetters();

    public void Discard(DeadLetter letter) => Store.DiscardAsync(letter.Id, default).GetAwaiter().GetResult();

    public void Dispose() => Close();

    private Microsoft.Data.Sqlite.SqliteConnection App()
    {
        var db = SqliteFile.Open(_path, new OpenOptions());
        SqlClock.Install(db, _clock);
        return db;
    }

    private SyncEnvironment Environment()
    {
        _clock = new VirtualClock(_run.Scheduler, static () => TimeSpan.Zero);
        _watch = new DiskWatch(_clock);
        var (random, wire, name) = (_dice.Fork(), _dice.Fork(), $"sim/{Name}/{++_processes}");
        return new SyncEnvironment
        {
            Time = _clock,
            Random = random.Fill,
            Transport = () => new SharingWire(_run, Name, wire),
            ProcessName = name,
            IsAlive = other => other == name,
            Scheduler = InlineTasks.Instance,
            Statements = _watch,
        };
    }

    private void Open()
    {
        var environment = Environment();
        Store = LocalStore.Open(_path, new StoreOptions { BusyTimeout = TimeSpan.Zero }, environment);
        _remote = new TidemarkHttpRemote(new Uri("http://127.0.0.1"), _ => Task.FromResult(User), environment);
        var options = new SyncOptions { Push = { Backoff = new Backoff { FirstDelayMs = 0, DelayMaxMs = 0 } }, Pull = { PageRowsMax = _dice.Pick([2, 5, 5000]) } };
        _service = new DataSyncService(Store, _remote, options, environment);
    }

    private void Close()
    {
        _clock.Ended = true;
        _service.Dispose();
        _remote.Dispose();
        if (!_watch.Ended)
        {
            Store.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }

        _watch.CloseAll();
    }

    private string NextPath() => Path.Combine(_folder, FormattableString.Invariant($"{Name}-{++_files}.db"));
}
