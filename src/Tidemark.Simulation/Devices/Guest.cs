using Tidemark.Client.Coordination;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Simulation.Runs;

namespace Tidemark.Simulation.Devices;

/// <summary>
/// A second process on a device's file: a widget, an extension, the command line. It is the real client again, with connections of
/// its own; it ends with the device, or alone. What it had not committed SQLite takes back when its connections are gone.
/// </summary>
internal sealed class Guest
{
    private readonly World _world;
    private readonly SimulatedDevice _device;
    private readonly DeviceProcess _host;
    private readonly DeviceProcess _process;
    private bool _running;

    public Guest(World world, SimulatedDevice device, int number, Dice dice)
    {
        _world = world;
        _device = device;
        _host = device.Process!;
        _process = new DeviceProcess(world, device, 1000 + number, device.Path, dice);
        _process.Watch.EndsWith(_host.Watch);
    }

    public string Name => _process.Name;

    public SimulatedDevice Device => _device;

    public bool Ended => _process.Ended;

    /// <summary>The device was killed, its file replaced, or it was switched off.</summary>
    public bool IsOrphan => !ReferenceEquals(_device.Process, _host);

    public DiskWatch Watch => _process.Watch;

    public void Sync(SyncMode mode)
    {
        if (!_running && !Ended)
        {
            _running = true;
            _world.Say(_device, $"syncs in a second process ({mode})");
            _ = RunAsync(mode);
        }
    }

    public void Edit(Dice dice) => AppWrites.Queued(_world, _device, _process.Store, dice, End);

    /// <summary>The process is killed before its n-th statement from now; the device goes on.</summary>
    public void Crash(long statements) => _process.Watch.CrashIn(statements, () =>
    {
        _world.Say(_device, "the second process is killed");
        _world.Scheduler.After(TimeSpan.Zero, End); // Not every statement is one of a run, which would end it; what it held is let go.
    });

    public void End()
    {
        if (!Ended)
        {
            _process.Watch.End();
            _process.End();
        }
    }

    private async Task RunAsync(SyncMode mode)
    {
        try
        {
            var report = await _process.Service.SyncAsync(mode, "simulation, second process").ConfigureAwait(false);
            _running = false;
            _world.Say(_device, FormattableString.Invariant(
                $"the second process's run ends: {report.Outcome}, pushed {report.Push.Accepted}, conflicts {report.Push.Conflicts}, refused {report.Push.Failed}, pulled {report.Pull.Applied}+{report.Pull.Merged}-{report.Pull.Deleted}, waiting {report.Pending}")
                + (report.Error is null ? "" : $" [{report.Error.Code} {report.Error.WireCode}] {report.Error.Message}"));
            if (!IsOrphan)
            {
                _world.Observe(new RunSeen(_device.Name, report.Outcome.ToString(), report.Error?.Code.ToString(), report.Warnings.Count > 0, BooksReader.LockIsFree(_device, Name)));
                _world.ObserveDevice(_device);
            }
        }
        catch (SimulatedCrashException)
        {
            End();
        }
#pragma warning disable CA1031 // whatever the engine throws is a finding
        catch (Exception e)
#pragma warning restore CA1031
        {
            _running = false;
            _world.Violate("engine", $"{_device.Name}: a run in a second process threw {e}");
        }
    }
}
