using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Runs;

namespace Tidemark.Simulation.Devices;

/// <summary>The second processes there are; at most one a device.</summary>
internal sealed class Guests(World world)
{
    private readonly List<Guest> _guests = [];
    private int _number;

    public bool IsAlive(string process) => _guests.Exists(g => !g.Ended && !g.IsOrphan && string.Equals(g.Name, process, StringComparison.Ordinal));

    /// <summary>The device's second process, opened when there is none; null when the device is off.</summary>
    public Guest? Of(SimulatedDevice device, Dice dice)
    {
        Leave();
        if (device.Process is null || _guests.Find(g => g.Device == device) is { } there)
        {
            return device.Process is null ? null : _guests.Find(g => g.Device == device);
        }

        var guest = new Guest(world, device, ++_number, dice);
        _guests.Add(guest);
        world.Say(device, "a second process opens the file");
        return guest;
    }

    public void NoCrash()
    {
        foreach (var guest in _guests)
        {
            guest.Watch.NoCrash();
        }
    }

    public void EndAll()
    {
        foreach (var guest in _guests)
        {
            guest.End();
        }

        _guests.Clear();
    }

    private void Leave()
    {
        foreach (var guest in _guests.Where(g => g.IsOrphan))
        {
            guest.End();
        }

        _guests.RemoveAll(g => g.Ended);
    }
}
