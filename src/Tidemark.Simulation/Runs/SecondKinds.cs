using Tidemark.Client.Coordination;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Devices;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Runs;

/// <summary>The kinds of steps that the second workload adds.</summary>
internal static class SecondKinds
{
    public static IReadOnlyList<IStepKind> All { get; } =
    [
        Kind("queued-edit", 10, false, QueuedEdit),
        Kind("shelf-edit", 8, false, ShelfEdit),
        Kind("second-process", 10, true, SecondProcess),
        Kind("second-crash", 3, true, (w, d, dice) => w.Guests.Of(w.Device(d), dice.Fork())?.Crash(dice.Skewed(300))),
        Kind("drift", 3, true, Drift),
        Kind("summer-time", 1, true, SummerTime),
    ];

    private static StepKinds.Kind Kind(string name, int weight, bool isFault, Action<World, int, Dice> does) => new(name, weight, isFault, does) { Since = Workloads.Second };

    private static void QueuedEdit(World world, int device, Dice dice)
    {
        var target = world.Device(device);
        if (target.Process is { } process)
        {
            AppWrites.Queued(world, target, process.Store, dice, target.Off);
        }
    }

    private static void ShelfEdit(World world, int device, Dice dice)
    {
        if (world.Schema.Tables.Any(t => t.ShelfIndex is not null))
        {
            AppWrites.Plain(world, world.Device(device), dice.Pick(Edits.Shelves), dice);
        }
    }

    private static void SecondProcess(World world, int device, Dice dice)
    {
        if (world.Guests.Of(world.Device(device), dice.Fork()) is not { } guest)
        {
            return;
        }

        switch (dice.Below(8))
        {
            case 0:
                world.Say(guest.Device, "the second process ends");
                guest.End();
                break;
            case 1:
                guest.Edit(dice);
                break;
            case 2:
                // Both at once.
                guest.Sync(SyncMode.Full);
                guest.Device.Sync(SyncMode.Full);
                break;
            case 3:
                guest.Device.Sync(SyncMode.Full);
                guest.Sync(dice.Pick([SyncMode.Full, SyncMode.PushOnly, SyncMode.PullOnly]));
                break;
            default:
                guest.Edit(dice);
                guest.Sync(dice.Pick([SyncMode.Full, SyncMode.Full, SyncMode.PushOnly, SyncMode.PullOnly]));
                break;
        }
    }

    // A clock that runs too fast or too slow, by up to a tenth, until it is set right again.
    private static void Drift(World world, int device, Dice dice)
    {
        var target = world.Device(device);
        var perMinute = TimeSpan.FromSeconds(dice.Between(-6, 6));
        var minutes = dice.Between(10, 600);
        for (var minute = 1; minute <= minutes; minute++)
        {
            world.Scheduler.After(TimeSpan.FromMinutes(minute), () => target.Skew = world.Calm ? TimeSpan.Zero : target.Skew + perMinute);
        }
    }

    // A machine whose wall clock is kept in local time: it jumps an hour ahead, or back and meets the hour again.
    private static void SummerTime(World world, int device, Dice dice)
    {
        var target = world.Device(device);
        target.Skew += TimeSpan.FromHours(dice.Chance(0.5) ? 1 : -1);
        world.Scheduler.After(TimeSpan.FromDays(1), () => target.Skew = TimeSpan.Zero);
    }
}
