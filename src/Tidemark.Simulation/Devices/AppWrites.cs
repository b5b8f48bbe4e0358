using Microsoft.Data.Sqlite;
using Tidemark.Client.Receipts;
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
    public static void Queued(World world, SimulatedDevice device, LocalStore store, Dice dice, Action killed, bool wantsReceipt = false)
    {
        var edits = Enumerable.Range(0, dice.Between(1, 3)).Select(_ => world.PickOf(dice)).ToList();
        var seed = dice.Next();
        var before = device.App.Read();
        var touch = BooksReader.LastTouch(device.App);
        var writing = WriteAsync(
            store,
            connection =>
            {
                var again = new Dice(seed); // The work may be run more than once.
                foreach (var edit in edits)
                {
                    edit.TryRun(new EditContext(world.Schema, before, again, () => world.NextWord(device.Name), (sql, values) => connection.Run(sql, values)));
                }

                return true;
            },
            wantsReceipt);
        if (!writing.IsCompleted)
        {
            throw new SimulatorException("The write queue waits for something.");
        }

        OutboxEventId? receipt;
        try
        {
            receipt = writing.GetAwaiter().GetResult();
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
            var facts = device.App.Seen(before, touch);
            Tell(world, device, (wantsReceipt ? "with a receipt " : "queued ") + string.Join(" + ", edits.Select(e => e.Name)), facts);
            if (receipt is { } id && facts is not null)
            {
                world.Observe(new ReceiptSeen(device.Name, device.User, id.Value, [.. facts.Words.Select(w => w.Word)]));
            }
        }
    }

    private static async Task<OutboxEventId?> WriteAsync(LocalStore store, Func<SqliteConnection, bool> work, bool wantsReceipt)
    {
        if (wantsReceipt)
        {
            return (await store.WriteWithReceiptAsync(work).ConfigureAwait(false)).Receipt.Id;
        }

        await store.WriteAsync(work).ConfigureAwait(false);
        return null;
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
