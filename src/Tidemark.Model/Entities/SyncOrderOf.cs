namespace Tidemark.Model.Entities;

/// <summary>The order of types along their references.</summary>
internal static class SyncOrderOf
{
    /// <summary>
    /// Cycles first become one step of the order each; inside of one the next, smaller set of edges orders, and names where none is left.
    /// </summary>
    /// <param name="types">By name; among steps that could come next the one with the first name does.</param>
    /// <param name="edgeSets">All references, then only those that weigh more.</param>
    public static List<EntityType> Types(IReadOnlyList<EntityType> types, ReadOnlySpan<IReadOnlyList<RelationEdge>> edgeSets)
    {
        if (edgeSets.Length == 0 || types.Count == 1)
        {
            return [.. types];
        }

        var edges = edgeSets[0];
        var above = types.ToDictionary(t => t.Name, t => Above(t, types, edges), StringComparer.Ordinal);
        var order = new List<EntityType>(types.Count);
        var done = new HashSet<string>(StringComparer.Ordinal);
        while (order.Count < types.Count)
        {
            var first = types.First(t => !done.Contains(t.Name) && above[t.Name].All(p => done.Contains(p) || above[p].Contains(t.Name)));
            var step = types.Where(t => ReferenceEquals(t, first) || (above[first.Name].Contains(t.Name) && above[t.Name].Contains(first.Name))).ToArray();
            order.AddRange(Types(step, edgeSets[1..]));
            done.UnionWith(step.Select(t => t.Name));
        }

        return order;
    }

    // Every type that a row of this one may need, near or far, among the given ones.
    private static HashSet<string> Above(EntityType type, IReadOnlyList<EntityType> types, IReadOnlyList<RelationEdge> edges)
    {
        var among = types.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        var above = new HashSet<string>(StringComparer.Ordinal);
        var queue = new Queue<string>([type.Name]);
        while (queue.TryDequeue(out var name))
        {
            foreach (var edge in edges)
            {
                if (string.Equals(edge.Source.Name, name, StringComparison.Ordinal) && among.Contains(edge.Target.Name) && above.Add(edge.Target.Name))
                {
                    queue.Enqueue(edge.Target.Name);
                }
            }
        }

        return above;
    }
}
