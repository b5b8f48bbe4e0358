using Tidemark.Client;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Storage;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Simulation.Network;
using Tidemark.Simulation.Runs;

namespace Tidemark.Simulation.Devices;

/// <summary>One run of the app on a device: the real client with everything of the outside simulated.</summary>
internal sealed class DeviceProcess
{
    private readonly TidemarkHttpRemote _remote;

    public DeviceProcess(World world, SimulatedDevice device, int number, string path, Dice dice)
    {
        Clock = new VirtualClock(world.Scheduler, () => device.Skew) { WorkTicks = world.Shape.WorkTicks };
        Watch = new DiskWatch(Clock);
        Name = $"sim/{device.Name}/{number}";
        var random = dice.Fork();
        var wire = dice.Fork();
        Environment = new SyncEnvironment
        {
            Time = Clock,
            Random = random.Fill,
            Transport = () => new SimulatedTransport(world, device, this, wire),
            ProcessName = Name,
            IsAlive = name => device.IsAlive(name) || world.Guests.IsAlive(name),
            Scheduler = InlineTasks.Instance,
            Statements = Watch,
        };
        try
        {
            Store = LocalStore.Open(path, new StoreOptions { BusyTimeout = TimeSpan.Zero }, Environment);
        }
        catch
        {
            Watch.CloseAll();
            throw;
        }

        _remote = new TidemarkHttpRemote(device.Compresses ? new Uri("http://sync.example") : new Uri("http://127.0.0.1"), _ => Task.FromResult(device.Token), Environment);
        Service = new DataSyncService(Store, _remote, device.Options, Environment);
    }

    public string Name { get; }

    public VirtualClock Clock { get; }

    public DiskWatch Watch { get; }

    public SyncEnvironment Environment { get; }

    public LocalStore Store { get; }

    public DataSyncService Service { get; }

    /// <summary>Between hints and runs, as a started service has one.</summary>
    public HintGate Hints { get; } = new();

    public bool Ended { get; private set; }

    /// <summary>The process is gone. Nothing that it was waiting for reaches it any more.</summary>
    public void End()
    {
        Ended = true;
        Clock.Ended = true;
        var closing = Store.DisposeAsync();
        if (closing.IsCompleted)
        {
            closing.GetAwaiter().GetResult();
        }

        Watch.CloseAll();
    }
}
