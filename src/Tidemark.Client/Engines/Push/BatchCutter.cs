using Tidemark.Client.Storage;

namespace Tidemark.Client.Engines.Push;

/// <summary>Cuts commands into requests by count and bytes; a group is never torn apart unless it alone is too large.</summary>
internal static class BatchCutter
{
    public static IReadOnlyList<StoredCommand> Cut(IReadOnlyList<StoredCommand> due, int commandsMax, long bytesMax)
    {
        var bytes = 0L;
        var count = 0;
        while (count < due.Count && count < commandsMax && (count == 0 || bytes + due[count].Payload.Length <= bytesMax))
        {
            bytes += due[count++].Payload.Length;
        }

        return [.. due.Take(GroupEdge(due, count))];
    }

    /// <summary>Two halves; the second is empty when the batch is one command or one group.</summary>
    public static (IReadOnlyList<StoredCommand> First, IReadOnlyList<StoredCommand> Second) Halve(IReadOnlyList<StoredCommand> batch)
    {
        var middle = GroupEdge(batch, Math.Max(1, batch.Count / 2));
        if (middle == batch.Count && batch.Count > 1 && batch[0].Group != batch[^1].Group)
        {
            for (middle = 1; middle < batch.Count && batch[middle].Group is not null && batch[middle].Group == batch[middle - 1].Group;)
            {
                middle++;
            }
        }

        return ([.. batch.Take(middle)], [.. batch.Skip(middle)]);
    }

    // The nearest edge at or before `count` that tears no group; behind it when the first group is longer than that.
    private static int GroupEdge(IReadOnlyList<StoredCommand> commands, int count)
    {
        bool Tears(int at) => at > 0 && at < commands.Count && commands[at].Group is { } group && group == commands[at - 1].Group;
        var edge = count;
        while (Tears(edge))
        {
            edge--;
        }

        if (edge > 0)
        {
            return edge;
        }

        edge = Math.Max(1, count);
        while (Tears(edge))
        {
            edge++;
        }

        return edge;
    }
}
