using Tidemark.Client.Adoption;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Simulation.Network;
using Tidemark.Simulation.Runs;
using Tidemark.Simulation.Workload;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Devices;

/// <summary>A device: its file, the process that runs on it, its clock and its network.</summary>
internal sealed class SimulatedDevice
{
    private readonly World _world;
    private readonly Dice _dice;
    private readonly List<(string Path, long Words)> _copies = [];
    private AppFile? _app;
    private string _path;
    private int _files;
    private int _processes;

    private SimulatedDevice(World world, string name, string user, ulong seed)
    {
        _world = world;
        Name = name;
        User = user;
        Token = user;
        _dice = new Dice(seed);
        Options = OptionsOf(_dice.Fork());
        Compresses = _dice.Chance(0.2);
        _path = NextPath();
    }

    public string Name { get; }

    public string User { get; }

    /// <summary>Who is signed in; the user, save when somebody else took the device.</summary>
    public string Token { get; set; }

    public TimeSpan Skew { get; set; }

    public bool Compresses { get; }

    public Weather Weather { get; } = new();

    public SyncOptions Options { get; }

    public DeviceProcess? Process { get; private set; }

    public bool Running { get; private set; }

    /// <summary>How many requests the run has sent so far.</summary>
    public int RequestsOfRun { get; set; }

    public string Path => _path;

    public bool HasCopy => _copies.Count > 0;

    public AppFile App => _app ?? throw new SimulatorException("The device is off.");

    /// <summary>A device with an app that has been there before: its tables are made and adopted.</summary>
    public static SimulatedDevice Adopted(World world, string name, string user, ulong seed)
    {
        var device = new SimulatedDevice(world, name, user, seed);
        using (var connection = SqliteFile.Open(device._path, new OpenOptions { CreateIfMissing = true, Checkpoints = true }))
        {
            connection.Run(world.Schema.Sql);
        }

        var model = Adopter.Adopt(device._path, new AdoptionOptions(), device.SetUpEnvironment()).Model;
        if (world.HasPolicies)
        {
            device._path = device.NextPath();
            Adopter.CreateEmpty(device._path, world.Schema.Declared(model), device.SetUpEnvironment());
        }

        device.Start();
        return device;
    }

    /// <summary>A device whose file is a copy of this one's, sync state and all.</summary>
    public SimulatedDevice Clone(string name, ulong seed)
    {
        var clone = new SimulatedDevice(_world, name, User, seed);
        FileSet.Copy(_path, clone._path);
        clone.Start();
        return clone;
    }

    public bool IsAlive(string process) => string.Equals(Process?.Name, process, StringComparison.Ordinal) || _world.Shape.ForgetsProcesses;

    public void Start()
    {
        if (Process is not null)
        {
            return;
        }

        Process = new DeviceProcess(_world, this, ++_processes, _path, _dice.Fork());
        _app = new AppFile(_path, _world.Schema, Process.Clock);
        _world.ObserveDevice(this);
    }

    /// <summary>Starts a run, unless one is under way. It ends in some later event.</summary>
    public void Sync(SyncMode mode)
    {
        if (Running || Process is not { } process)
        {
            return;
        }

        Running = true;
        RequestsOfRun = 0;
        _world.Say(this, $"syncs ({mode})");
        _ = RunAsync(process, mode);
    }

    /// <summary>The server tells that others have written; runs that are due begin.</summary>
    public void Hinted(LiveHint hint)
    {
        if (Process is not { } process || _world.Calm)
        {
            return;
        }

        process.Hints.Hinted(hint);
        _world.Observe(new HintSeen(Name, hint.Position, BooksReader.Read(this, _world.Schema).Floor, process.Hints.IsDue));
        if (process.Hints.IsDue)
        {
            Sync(SyncMode.PullOnly);
        }
    }

    /// <summary>The app writes, in a transaction of its own.</summary>
    public void Edit(Dice dice)
    {
        if (Process is null)
        {
            return;
        }

        var edits = Enumerable.Range(0, dice.Chance(0.25) ? dice.Between(2, 4) : 1).Select(_ => _world.PickEdit(dice)).ToList();
        var rollBack = dice.Chance(0.05);
        var facts = App.Edit(edits, dice, rollBack, () => _world.NextWord(Name));
        if (facts is { IsEmpty: false })
        {
            _world.Say(this, string.Join(" + ", edits.Select(e => e.Name)) + ": " + Story.Of(facts));
            _world.Observe(new EditSeen(Name, User, facts));
        }
    }

    /// <summary>While a request is on its way the app may write.</summary>
    public void BusyApp(TimeSpan after)
    {
        if (!_world.Calm && _world.Shape.BusyApp > 0 && _dice.Chance(_world.Shape.BusyApp))
        {
            var dice = _dice.Fork();
            _world.Scheduler.After(after, () => Edit(dice));
        }
    }

    /// <summary>The process is killed, at once or before its n-th statement from now, and started again later.</summary>
    public void Crash(long statements, TimeSpan downFor)
    {
        if (Process is not { } process)
        {
            return;
        }

        if (statements > 0)
        {
            process.Watch.CrashIn(statements, () =>
            {
                TakeDown(downFor);
                _world.Scheduler.After(TimeSpan.Zero, () => EndKilled(process)); // Not every statement is one of a run, which would end it.
            });
            return;
        }

        process.Watch.End();
        TakeDown(downFor);
        EndProcess();
    }

    private void EndKilled(DeviceProcess process)
    {
        if (ReferenceEquals(Process, process))
        {
            EndProcess();
        }
    }

    public void KeepCopy()
    {
        var copy = NextPath();
        FileSet.Copy(_path, copy);
        _copies.Add((copy, _world.WordsOf(Name)));
        _world.Observe(new CopyKept(Name));
    }

    /// <summary>The file becomes the one of an earlier copy.</summary>
    public void RestoreCopy(int which)
    {
        if (_copies.Count == 0 || Process is null)
        {
            return;
        }

        var (copy, words) = _copies[which % _copies.Count];
        Process.Watch.End();
        EndProcess();
        _path = NextPath();
        FileSet.Copy(copy, _path);
        Token = User; // The first one to sync a file owns it, and this one may not have synced yet.
        _world.Observe(new FileReplaced(Name, "restored from a copy", words));
        Start();
    }

    /// <summary>The app is installed anew, with an empty file.</summary>
    public void Reinstall()
    {
        if (Process is not { } process)
        {
            return;
        }

        var model = process.Store.Model;
        process.Watch.End();
        EndProcess();
        _path = NextPath();
        Adopter.CreateEmpty(_path, model, SetUpEnvironment());
        _copies.Clear();
        Token = User;
        _world.Observe(new FileReplaced(Name, "installed anew", 0));
        Start();
    }

    public void Off()
    {
        if (Process is not null)
        {
            EndProcess();
        }
    }

    private static SyncOptions OptionsOf(Dice dice) => new()
    {
        Push = { BatchCommandsMax = dice.Pick([2, 7, 1000, 1000]) },
        Pull = { PageRowsMax = dice.Pick([2, 10, 5000, 5000]), IterationsMax = dice.Chance(0.1) ? 3 : 10_000 },
    };

    private async Task RunAsync(DeviceProcess process, SyncMode mode)
    {
        try
        {
            process.Hints.Starting();
            var report = await process.Service.SyncAsync(mode, "simulation").ConfigureAwait(false);
            process.Hints.Note(report);
            Running = false;
            _world.RunEnded(this, report);
        }
        catch (SimulatedCrashException)
        {
            Running = false;
            EndProcess();
        }
#pragma warning disable CA1031 // whatever the engine throws is a finding
        catch (Exception e)
#pragma warning restore CA1031
        {
            Running = false;
            _world.Violate("engine", $"{Name}: a run threw {e}");
        }
    }

    private void TakeDown(TimeSpan downFor)
    {
        _world.Say(this, $"is killed and back in {downFor}");
        var next = NextPath();
        FileSet.Copy(_path, next);
        _path = next;
        _world.Scheduler.After(downFor, Start);
    }

    private void EndProcess()
    {
        _app?.Dispose();
        _app = null;
        Process?.End();
        Process = null;
        Running = false;
    }

    private SyncEnvironment SetUpEnvironment()
    {
        var clock = new VirtualClock(_world.Scheduler, () => Skew);
        var dice = _dice.Fork();
        return new SyncEnvironment
        {
            Time = clock,
            Random = dice.Fill,
            Transport = static () => throw new SimulatorException("Setting up needs no network."),
            ProcessName = "sim/set-up",
            IsAlive = static _ => false,
        };
    }

    private string NextPath() => System.IO.Path.Combine(_world.Folder, $"{Name}-{++_files}.db");
}
