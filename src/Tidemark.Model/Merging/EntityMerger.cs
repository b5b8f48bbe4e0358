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
    /// <param name="context">The time of the merge, and the custom merges. A type that names an unknown one is merged by its fields' policies.</param>
    public static MergeResult Merge(EntityType type, Row? @base, Row local, Row remote, MergeContext context)
    {
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(local);
        ArgumentNullException.ThrowIfNull(remote);
        ArgumentNullException.ThrowIfNull(context);
        return type.CustomMerge is { } name && context.Merges.Find(name) is { } custom && BothDiffer(@base, local, remote)
            ? CustomMerging.Run(custom, new CustomMergeInput(type, @base, local, remote, context))
            : MergeByPolicies(type, @base, local, remote, context);
    }

    /// <summary>What a write must not undo: monotonic fields of <paramref name="written"/> that went back are as in <paramref name="stored"/>.</summary>
    /// <param name="stored">The row as it was.</param>
    /// <param name="written">The row as somebody would have it.</param>
    public static Row Held(Row stored, Row written)
    {
        ArgumentNullException.ThrowIfNull(stored);
        ArgumentNullException.ThrowIfNull(written);
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.MonotonicOverwritten))
        {
            return written;
        }
#endif
        for (var i = 0; i < written.Type.Fields.Count; i++)
        {
            var field = written.Type.Fields[i];
            if (field.Policy == FieldPolicy.Monotonic && written[i] != stored[i] && !written[i].IsAbsent && ValueOrder.Compare(field, stored[i], written[i]) > 0)
            {
                written = written.With(i, stored[i]);
            }
        }

        return written;
    }

    internal static MergeResult MergeByPolicies(EntityType type, Row? @base, Row local, Row remote, MergeContext context)
    {
        _ = context.Now; // No policy asks for the time; a custom merge may.
        var merge = new Merge3(type, @base, local, remote);
        for (var ordinal = 0; ordinal < type.Fields.Count; ordinal++)
        {
            merge.Field(ordinal);
        }

        foreach (var reference in type.Index.CompositeReferences)
        {
            merge.Reference(reference);
        }

        return merge.Result();
    }

    private static bool BothDiffer(Row? @base, Row local, Row remote)
    {
        if (@base is null)
        {
            return !local.SameAs(remote);
        }

        return @base.DifferenceTo(local) is not null && @base.DifferenceTo(remote) is not null;
    }

    private sealed class Merge3(EntityType type, Row? @base, Row local, Row remote)
    {
        private readonly Value[] _merged = new Value[type.Fields.Count];
        private readonly FieldMerge?[] _fields = new FieldMerge?[type.Fields.Count];

        public MergeResult Result()
        {
            var fields = new List<FieldMerge>();
            var hasConflict = false;
            List<string>? manual = null;
            foreach (var field in _fields)
            {
                if (field is not null)
                {
                    fields.Add(field);
                    hasConflict |= field.Rule is MergeRule.Policy or MergeRule.ConflictFree;
                    if (field.Policy == FieldPolicy.Manual)
                    {
                        (manual ??= []).Add(field.Field);
                    }
                }
            }

            return manual is null
                ? new MergeResult(new Row(type, _merged), fields, hasConflict)
                : new MergeResult(local, fields, hasConflict) { ManualReason = $"Both sides changed {string.Join(", ", manual)}, and a person decides that.", Proposed = new Row(type, _merged) };
        }

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
            else if (mine == theirs && (field.Policy != FieldPolicy.Counter || was.IsAbsent || type.ConflictFree))
            {
                Set(ordinal, mine, MergeRule.SameEdit, MergeSource.Both);
            }
            else if (theirs == was && field.Policy == FieldPolicy.Monotonic && !was.IsAbsent && ValueOrder.Compare(field, mine, theirs) < 0)
            {
                Set(ordinal, theirs, MergeRule.Policy, MergeSource.Remote, field.Policy, "it never goes back");
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
                Set(ordinal, theirs, MergeRule.ConflictFree, MergeSource.Remote);
            }
            else
            {
                var decision = FieldStrategies.Of(field.Policy)(new FieldConflict(field, was, mine, theirs, local, remote));
                Set(ordinal, decision.Value, MergeRule.Policy, decision.From, field.Policy, decision.Note);
            }
        }

        /// <summary>When the merged fields of a reference are from both sides, the policy of its first mixed field takes all of one side.</summary>
        public void Reference(int[] ordinals)
        {
            var mixed = Array.FindAll(ordinals, o => _fields[o] is { Rule: MergeRule.OneSide or MergeRule.Policy or MergeRule.ConflictFree });
            if (mixed.Select(o => _fields[o]!.From).Distinct().Count() < 2)
            {
                return;
            }

            var field = type.Fields[mixed[0]];
            var first = new FieldConflict(field, Base(mixed[0]), local[mixed[0]], remote[mixed[0]], local, remote);
            var from = type.ConflictFree || FieldStrategies.Of(field.Policy)(first).From == MergeSource.Remote ? MergeSource.Remote : MergeSource.Local;
            foreach (var ordinal in mixed)
            {
                var side = from == MergeSource.Local ? local[ordinal] : remote[ordinal];
                Set(ordinal, side.IsAbsent ? Base(ordinal) : side, type.ConflictFree ? MergeRule.ConflictFree : MergeRule.Policy, from, type.ConflictFree ? null : field.Policy);
            }
        }

        private Value Base(int ordinal) => @base is null ? Value.Absent : @base[ordinal];

        private void Set(int ordinal, Value value, MergeRule rule, MergeSource from, FieldPolicy? policy = null, string? note = null)
        {
            _merged[ordinal] = value;
            _fields[ordinal] = new FieldMerge(type.Fields[ordinal].Name, rule, policy, from, note);
        }
    }
}
