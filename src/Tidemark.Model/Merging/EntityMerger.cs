using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Merging;

/// <summary>
/// The three-way merge of a pending row with what the remote shows. Pure: the same rows and context always give the same
/// result. Edits of different fields both survive whatever the policies; fields of one composite reference count as one
/// field, because half of each side would point at a row that neither meant.
/// </summary>
public static class EntityMerger
{
    /// <param name="type">The type of all three rows.</param>
    /// <param name="base">The row as the remote last showed it; null when both sides created it.</param>
    /// <param name="local">The live row.</param>
    /// <param name="remote">The row as the remote shows it now. Absent values are withheld and change nothing.</param>
    /// <param name="context">The time of the merge.</param>
    public static MergeResult Merge(EntityType type, Row? @base, Row local, Row remote, MergeContext context)
    {
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(local);
        ArgumentNullException.ThrowIfNull(remote);
        ArgumentNullException.ThrowIfNull(context);
        var merge = new Merge3(type, @base, local, remote, context);
        for (var ordinal = 0; ordinal < type.Fields.Count; ordinal++)
        {
            merge.Field(ordinal);
        }

        foreach (var reference in CompositeReferences(type))
        {
            merge.Reference(reference.Order());
        }

        return merge.Result();
    }

    // Composite references that share a field count as one. Key fields are the same on both sides and link nothing.
    private static List<HashSet<int>> CompositeReferences(EntityType type)
    {
        var references = new List<HashSet<int>>();
        foreach (var relation in type.Relations)
        {
            if (relation.Fields.Count == 1)
            {
                continue;
            }

            var all = type.OrdinalsOf(relation.Fields).Where(o => !type.IsKey(o)).ToHashSet();
            foreach (var other in references.Where(r => r.Overlaps(all)).ToArray())
            {
                all.UnionWith(other);
                references.Remove(other);
            }

            references.Add(all);
        }

        return references;
    }

    private sealed class Merge3(EntityType type, Row? @base, Row local, Row remote, MergeContext context)
    {
        private readonly Value[] _merged = new Value[type.Fields.Count];
        private readonly FieldMerge?[] _fields = new FieldMerge?[type.Fields.Count];

        public MergeResult Result() =>
            new(new Row(type, _merged), [.. _fields.OfType<FieldMerge>()], _fields.Any(f => f?.Rule == MergeRule.Policy));

        public void Field(int ordinal)
        {
            var field = type.Fields[ordinal];
            var was = Base(ordinal);
            var mine = local[ordinal].IsAbsent ? was : local[ordinal];
            var theirs = remote[ordinal].IsAbsent ? was : remote[ordinal];
            if (theirs.IsAbsent || (mine == theirs && mine == was))
            {
                // Withheld by the remote with nothing known before, or untouched.
                _merged[ordinal] = mine;
            }
            else if (type.IsKey(ordinal) || field.ServerDerived)
            {
                Set(ordinal, theirs, type.IsKey(ordinal) ? MergeRule.Key : MergeRule.ServerDerived, remote[ordinal].IsAbsent ? MergeSource.Base : MergeSource.Remote);
            }
            else if (mine == theirs)
            {
                Set(ordinal, mine, MergeRule.SameEdit, MergeSource.Both);
            }
            else if (theirs == was)
            {
                Set(ordinal, mine, MergeRule.OneSide, MergeSource.Local);
            }
            else if (mine == was)
            {
                Set(ordinal, theirs, MergeRule.OneSide, MergeSource.Remote);
            }
            else if (type.ConflictFree)
            {
                Set(ordinal, mine, MergeRule.ConflictFree, MergeSource.Local);
            }
            else
            {
                var decision = FieldStrategies.Of(field.Policy)(new FieldConflict(field, was, mine, theirs, context));
                Set(ordinal, decision.Value, MergeRule.Policy, decision.From, field.Policy);
            }
        }

        /// <summary>When the merged fields of a reference are from both sides, the policy of its first mixed field takes all of one side.</summary>
        public void Reference(IEnumerable<int> ordinals)
        {
            var mixed = ordinals.Where(o => _fields[o] is { Rule: MergeRule.OneSide or MergeRule.Policy or MergeRule.ConflictFree }).ToArray();
            if (mixed.Select(o => _fields[o]!.From).Distinct().Count() < 2)
            {
                return;
            }

            var policy = type.Fields[mixed[0]].Policy;
            var first = new FieldConflict(type.Fields[mixed[0]], Base(mixed[0]), local[mixed[0]], remote[mixed[0]], context);
            var from = type.ConflictFree || FieldStrategies.Of(policy)(first).From != MergeSource.Remote ? MergeSource.Local : MergeSource.Remote;
            foreach (var ordinal in mixed)
            {
                var side = from == MergeSource.Local ? local[ordinal] : remote[ordinal];
                Set(ordinal, side.IsAbsent ? Base(ordinal) : side, type.ConflictFree ? MergeRule.ConflictFree : MergeRule.Policy, from, type.ConflictFree ? null : policy);
            }
        }

        private Value Base(int ordinal) => @base is null ? Value.Absent : @base[ordinal];

        private void Set(int ordinal, Value value, MergeRule rule, MergeSource from, FieldPolicy? policy = null)
        {
            _merged[ordinal] = value;
            _fields[ordinal] = new FieldMerge(type.Fields[ordinal].Name, rule, policy, from);
        }
    }
}
