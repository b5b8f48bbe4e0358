using Tidemark.Client.Storage;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Simulation.Runs;
using Tidemark.Simulation.Workload;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Devices;

/// <summary>Ways in which an app writes besides a connection of its own.</summary>
internal static class AppWrites
{
    /// <summary>One edit by the app's own connection.</summary>
    public static void Plain(World world, SimulatedDevice device, IEdit edit, Dice dice)
    {
        if (device.Process is not null)
        {
            Tell(world, device, edit.Name, device.App.Edit([edit], dice, rollBack: false, () => world.NextWord(device.Name)));
        }
    }

    /// <summary>An edit through Tidemark's write queue. The process may be killed in the middle of it.</summary>
    public static void Queued(World world, SimulatedDevice device, LocalStore store, Dice dice, Action killed)
    {
        var edits = Enumerable.Range(0, dice.Between(1, 3)).Select(_ => world.PickOf(dice)).ToList();
        var seed = dice.Next();
        var before = device.App.Read();
        var touch = BooksReader.LastTouch(device.App);
        var writing = store.WriteAsync(
            connection =>
            {
                var again = new Dice(seed); // The work may be run more than once.
                foreach (var edit in edits)
                {
                    edit.TryRun(new EditContext(world.Schema, before, again, () => world.NextWord(device.Name), (sql, values) => connection.Run(sql, values)));
                }

                return true;
            });
        if (!writing.IsCompleted)
        {
            throw new SimulatorException("The write queue waits for something.");
        }

        try
        {
            writing.GetAwaiter().GetResult();
        }
        catch (StoreException e) when (e.IsConstraint)
        {
            return;
        }
        catch (SimulatedCrashException)
        {
            killed();
            return;
        }
        catch (StoreException) when (device.Process is { Watch.TroublesMade: > 0 })
        {
            return; // The app is told that the disk is in trouble.
        }

        if (device.Process is not null)
        {
            Tell(world, device, "queued " + string.Join(" + ", edits.Select(e => e.Name)), device.App.Seen(before, touch));
        }
    }

    private static void Tell(World world, SimulatedDevice device, string how, EditFacts? facts)
    {
        if (facts is { IsEmpty: false })
        {
            world.Say(device, how + ": " + Story.Of(facts));
            world.Observe(new EditSeen(device.Name, device.User, facts));
        }
    }
}
