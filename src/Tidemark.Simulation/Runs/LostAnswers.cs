using Tidemark.Client.Coordination;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Devices;
using Tidemark.Simulation.Network;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Runs;

/// <summary>
/// New rows whose ids the server gives are pushed, and no answer comes. Before it does, the app deletes one and makes another, which gets its id in the file;
/// or another device deletes what it has pulled, and this one is told of that first.
/// </summary>
internal static class LostAnswers
{
    public static void Play(World world, int device, Dice dice)
    {
        var target = world.Device(device);
        var other = world.Device(device + 1 + dice.Below(Math.Max(1, world.Devices.Count - 1)));
        var at = TimeSpan.Zero;
        Write(world, target, Edits.InsertLast, dice);
        if (dice.Chance(0.7))
        {
            Later(() => other.Sync(SyncMode.Full));
            Later(() => target.Weather.Add(Silence(world, dice)));
        }
        else
        {
            target.Weather.Add(Silence(world, dice));
        }

        Later(() => target.Sync(SyncMode.PushOnly));
        if (dice.Chance(0.5))
        {
            Later(() => Write(world, target, Edits.DeleteLast, dice));
            Later(() => Write(world, target, Edits.InsertLast, dice));
        }

        if (dice.Chance(0.7))
        {
            Later(() => other.Sync(SyncMode.Full));
            Later(() => Write(world, other, Edits.DeleteLast, dice));
            Later(() => other.Sync(SyncMode.Full));
            Later(() => target.Sync(SyncMode.PullOnly));
        }

        Later(() => target.Sync(SyncMode.Full));

        // A run takes some round trips, and as long as the device's patience when it is not told that there is no answer.
        void Later(Action action)
        {
            at += TimeSpan.FromMilliseconds(world.Shape.LatencyMsMax * dice.Between(2, 8)) + TimeSpan.FromSeconds(dice.Chance(0.2) ? dice.Between(10, 200) : 0);
            world.Scheduler.After(at, () =>
            {
                if (!world.Calm)
                {
                    action();
                }
            });
        }
    }

    private static WeatherSpell Silence(World world, Dice dice) =>
        new(Fate.DropResponse, world.Scheduler.Now + TimeSpan.FromSeconds(dice.Between(60, 600)).Ticks, 1, dice.Fork(), "/sync/push");

    private static void Write(World world, SimulatedDevice device, IEdit edit, Dice dice) => AppWrites.Plain(world, device, edit, dice);
}
