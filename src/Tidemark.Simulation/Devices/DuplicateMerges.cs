using Tidemark.Client.Duplicates;
using Tidemark.Client.Errors;
using Tidemark.Model.Values;
using Tidemark.Simulation.Checkers;
using Tidemark.Simulation.Clock;
using Tidemark.Simulation.Disk;
using Tidemark.Simulation.Runs;
using Tidemark.Simulation.Workload;
using Tidemark.Sqlite;

namespace Tidemark.Simulation.Devices;

/// <summary>A person says that two rows are the same thing, whatever stands in them: the first rows more often, so that several do it at once, and not always the same way.</summary>
internal static class DuplicateMerges
{
    public static void Make(World world, SimulatedDevice device, Dice dice)
    {
        var table = dice.Pick(world.Schema.Tables);
        if (device.Process is not { } process || device.Running || table.KeyIsIdentity || device.App.Read() is not { } before || before.Rows(table) is not { Count: > 1 } rows)
        {
            return; // Rows whose key says what they are have no duplicates.
        }

        var (keep, go) = (rows[dice.Skewed(rows.Count)], dice.Pick(rows));
        var touch = BooksReader.LastTouch(device.App);
        IReadOnlyList<MergeRecord> merged;
        try
        {
            var merging = new StoreDuplicates(process.Store).MergeAsync(table.Name, new EntityKey(EditContext.KeyOf(table, keep)), [new EntityKey(EditContext.KeyOf(table, go))], default);
            merged = merging.IsCompleted ? merging.GetAwaiter().GetResult().Merged : throw new SimulatorException("A merge waits for something.");
        }
        catch (ArgumentException)
        {
            return; // The row to stay was not sent yet, and the other one was.
        }
        catch (SyncException)
        {
            return; // Not everything was fetched once, or another process is at it.
        }
        catch (SimulatedCrashException)
        {
            device.Off();
            return;
        }
        catch (StoreException e) when (e.IsConstraint || process.Watch.TroublesMade > 0)
        {
            return; // The app's own rules do not allow it, or the disk is in trouble.
        }

        if (merged.Count == 0)
        {
            return;
        }

        var facts = device.App.Seen(before, touch);
        var pairs = merged.Select(m => (Gone: TagOf(m.Gone!), Stays: TagOf(m.After!))).ToList();
        world.Say(device, $"merges {string.Join(", ", pairs.Select(p => $"<{p.Gone}> into <{p.Stays}>"))}: {Story.Of(facts)}");
        world.Observe(new EditSeen(device.Name, device.User, facts));
        world.Observe(new DuplicatesMerged(device.Name, pairs));
    }

    private static string TagOf(Row row) => row[row.Type.OrdinalOf(TableShape.Tag)].ToString();
}
