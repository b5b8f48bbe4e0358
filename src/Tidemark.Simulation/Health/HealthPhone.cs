using System.Buffers.Binary;
using Tidemark.Client.Adoption;
using Tidemark.Client.Environment;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Health.Sync;
using Tidemark.Model.Health;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Health;

/// <summary>One phone: what its platform knows of the body, and the app that sends it, on a file that is copied where a kill leaves it.</summary>
internal sealed class HealthPhone : IHealthWindows, IDisposable
{
    private readonly HealthRun _run;
    private readonly Dice _dice;
    private readonly string _folder;
    private readonly HealthSyncOptions _options;
    private readonly Dictionary<string, (long Captured, long Acknowledged)> _anchors = new(StringComparer.Ordinal);
    private string _path;
    private int _files;
    private int _processes;
    private VirtualClock _clock = null!;
    private DiskWatch _watch = null!;
    private HealthStore _store = null!;
    private HealthIngest _ingest = null!;
    private HealthRows _rows = null!;

    public HealthPhone(HealthRun run, string name, string folder, Dice dice)
    {
        (_run, Name, _folder, _dice) = (run, name, folder, dice);
        _options = new HealthSyncOptions { PageSamples = dice.Pick([50, 200, 400]), QueueItemsMax = dice.Pick([10_000, 10_000, 400]) };
        _path = NextPath();
        Open();
    }

    public string Name { get; }

    public ProgrammableHealthSource Source { get; } = new() { IsWhole = true };

    public ManualConnectivity Network { get; } = new();

    public TimeProvider Clock => _clock;

    /// <summary>Ticks at which the platform may give a window; null: none was asked for.</summary>
    public long? Window { get; private set; }

    public long LastForeground { get; private set; }

    /// <summary>The next call is killed before one of its statements.</summary>
    public bool IsDoomed { get; set; }

    /// <summary>During the next call the disk is full, broken or busy now and then.</summary>
    public StoreTrouble? Trouble { get; set; }

    public ValueTask RequestAsync(HealthWindowRequest request, CancellationToken cancellationToken)
    {
        Window = _run.Scheduler.Now + (request.Earliest - _clock.GetUtcNow()).Ticks;
        return ValueTask.CompletedTask;
    }

    public ValueTask WithdrawAsync(CancellationToken cancellationToken)
    {
        Window = null;
        return ValueTask.CompletedTask;
    }

    public void Announce(string type) => Do($"hears of {type}", async () => (await _ingest.AnnounceAsync(type, CancellationToken.None).ConfigureAwait(false))?.ToString() ?? "nothing");

    public void OpenWindow(TimeSpan time)
    {
        Window = null;
        Do($"has a window of {time.TotalSeconds:F0} s", async () => Said(await _ingest.RunWindowAsync(time, CancellationToken.None).ConfigureAwait(false)));
    }

    public void EnterForeground()
    {
        Source.Troubles.Clear(); // A phone in the hand is unlocked.
        Do("comes to the foreground", async () =>
        {
            var report = await _ingest.EnterForegroundAsync(CancellationToken.None).ConfigureAwait(false);
            LastForeground = _run.Scheduler.Now;
            return $"{Said(report.Sync)}, rechecked {report.Recheck?.Missed}+{report.Recheck?.Gone}+{report.Recheck?.Again}";
        });
    }

    /// <summary>The app makes rows of workouts and syncs them.</summary>
    public void TakeRows()
    {
        Do("makes rows", _rows.TakeAsync);
        _run.Observe(new WorkoutRowsSeen(Name, Rows()));
    }

    public IReadOnlyList<WorkoutRow> Rows()
    {
        using var db = SqliteFile.Open(_path, new OpenOptions { QueryOnly = true });
        return HealthRows.Read(db);
    }

    /// <summary>Its source forgets every anchor, and all deletions of before.</summary>
    public void Forget()
    {
        var seen = At(_store.Queue.Captured(HealthRows.BookOf(Source), HealthTypes.Workout));
        _run.Truth.Forgotten.UnionWith(Source.Told(HealthTypes.Workout, seen, Source.End).Where(c => c.Delete is not null).Select(c => HealthRows.NameOf(c.Id)));
        Source.Compact();
    }

    /// <summary>What the app has not sent yet.</summary>
    public long Waiting => _store.ReadAsync(() => _store.Queue.Waiting, CancellationToken.None).GetAwaiter().GetResult();

    public void Dispose() => Close();

    private static string Said(HealthSyncReport report) => $"{report.Outcome}, captured {report.Captured}, stored {report.Applied}, waiting {report.Waiting}";

    private void Do(string what, Func<Task<string>> work)
    {
        if (IsDoomed)
        {
            var next = NextPath();
            _watch.CrashIn(_dice.Skewed(400), () => FileSet.Copy(_path, _path = next));
        }

        if (Trouble is { } trouble)
        {
            _watch.Trouble(trouble, 0.05, _dice.Fork());
        }

        try
        {
            var task = work();
            if (!_run.Scheduler.RunUntil(() => task.IsCompleted, _run.Scheduler.Now + TimeSpan.FromHours(6).Ticks, static () => { }))
            {
                throw new SimulatorException($"{Name}: {what}, and it does not end.");
            }

            var said = task.GetAwaiter().GetResult();
            if (_watch.Ended)
            {
                throw new SimulatedCrashException(); // Somebody else took it for an error.
            }

            _run.Say(Name, $"{what}: {said}");
            _watch.NoCrash();
        }
        catch (Exception e) when (e is SimulatedCrashException || _watch.Ended)
        {
            _run.Say(Name, $"{what}, and is killed");
            _run.Met("kill");
            Close();
            Open();
        }

        catch (StoreException e)
        {
            // The app hears of it and goes on; the platform or the person comes again.
            _run.Say(Name, $"{what}, and meets a disk that is {e.Trouble}");
            _run.Met($"disk {e.Trouble}");
            _watch.NoCrash();
        }

        _watch.NoTrouble();
        (IsDoomed, Trouble) = (false, null);
        CheckAnchors();
    }

    // Captured and acknowledged never move back; what lies before the acknowledged one is on the server.
    private void CheckAnchors()
    {
        foreach (var type in HealthRun.Types)
        {
            var (captured, acknowledged) = (At(_store.Queue.Captured(Source.Name, type)), At(_store.Queue.Acknowledged(Source.Name, type)));
            var before = _anchors.GetValueOrDefault(type);
            if (acknowledged < before.Acknowledged)
            {
                _run.Violate("anchor", $"{Name}: the acknowledged anchor of {type} went back from {before.Acknowledged} to {acknowledged}");
            }

            if (captured < before.Captured && before.Captured >= Source.ForgottenBefore)
            {
                _run.Violate("anchor", $"{Name}: the captured anchor of {type} went back from {before.Captured} to {captured}");
            }

            _run.Truth.CheckAcknowledged(this, Source.Told(type, before.Acknowledged, acknowledged));
            _anchors[type] = (captured, acknowledged);
        }

        // What a recheck sends again is no part of a page.
        var waiting = _store.Query("SELECT count(*) FROM _tm_health_queue WHERE status IN (0, 1, 2) AND page > 0")[0][0].AsInteger;
        if (waiting > _options.QueueItemsMax)
        {
            _run.Violate("queue", $"{Name}: {waiting} captured items wait where {_options.QueueItemsMax} may");
        }
    }

    private static long At(HealthAnchor? anchor) => anchor is null ? 0 : BinaryPrimitives.ReadInt64BigEndian(anchor.Bytes.Span);

    private void Open()
    {
        _clock = new VirtualClock(_run.Scheduler, static () => TimeSpan.Zero);
        _watch = new DiskWatch(_clock);
        var (random, rows, name) = (_dice.Fork(), _dice.Fork(), $"sim/{Name}/{++_processes}");
        var environment = new SyncEnvironment
        {
            Time = _clock,
            Random = random.Fill,
            Transport = () => new HealthRowWire(_run, rows),
            ProcessName = name,
            IsAlive = other => other == name,
            Scheduler = InlineTasks.Instance,
            Statements = _watch,
            Connectivity = Network,
        };
        var wire = new HealthWire(_run, environment, _dice.Fork());
        if (_processes == 1)
        {
            Adopter.CreateEmpty(_path, HealthRows.Model, environment);
        }

        _store = HealthStore.Open(_path, environment, Durability.Off);
        _ingest = new HealthIngest(_store, new HealthSync(_store, Source, wire, Name, _options, environment, _run.Figures.Take), environment, this, wire, HealthRun.Types) { IsAlone = true };
        _rows = new HealthRows(_path, _store, Source, environment, _dice.Fork());
    }

    private void Close()
    {
        _clock.Ended = true;
        _rows.Close(isKilled: _watch.Ended);
        if (!_watch.Ended)
        {
            _store.Dispose();
        }

        _watch.CloseAll();
    }

    private string NextPath() => Path.Combine(_folder, FormattableString.Invariant($"{Name}-{++_files}.db"));
}
