using Tidemark.Client.Remotes;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Runs;

namespace Tidemark.Simulation.Network;

/// <summary>The server's hints on their way to the other devices: lost, doubled and late as often as not.</summary>
internal sealed class SimulatedHints(World world, Dice dice)
{
    /// <summary>The space of a user has moved by the push of a device.</summary>
    public void Publish(string user, string origin)
    {
        if (world.Calm || world.ServerOf(user) is not { } server)
        {
            return;
        }

        var hint = new LiveHint("u:" + user, server.Head);
        foreach (var device in world.Devices.Where(d => d.Name != origin && d.User == user))
        {
            var copies = dice.Below(10) switch { < 2 => 0, < 4 => 2, _ => 1 };
            for (var copy = 0; copy < copies; copy++)
            {
                var delay = dice.Chance(0.2) ? TimeSpan.FromSeconds(dice.Between(1, 20_000)) : TimeSpan.FromMilliseconds(dice.Between(1, world.Shape.LatencyMsMax));
                world.Scheduler.After(delay, () => device.Hinted(hint));
            }
        }
    }
}
