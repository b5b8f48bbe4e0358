using Tidemark.Model.Values;

namespace Tidemark.Model.Merging;

/// <summary>Runs a custom merge and holds it to what no merge may change. What it throws becomes a question to a person.</summary>
internal static class CustomMerging
{
    public static MergeResult Run(CustomMerge merge, CustomMergeInput input)
    {
        var name = input.Type.CustomMerge!;
        CustomMergeResult outcome;
        try
        {
            outcome = merge(input) ?? CustomMergeResult.Manual($"The custom merge {name} gave no result.");
            if (outcome.Merged is { } row && row.Type != input.Type)
            {
                outcome = CustomMergeResult.Manual($"The custom merge {name} gave a row of {row.Type.Name}.");
            }
        }
#pragma warning disable CA1031 // somebody else's code on data nobody foresaw: the row waits for a person, all others go on
        catch (Exception e)
#pragma warning restore CA1031
        {
            outcome = CustomMergeResult.Manual($"The custom merge {name} failed: {e.Message}");
        }

        return outcome.Merged is { } merged ? Held(input, merged, outcome.Quiet) : Manual(input, outcome.ManualReason!);
    }

    private static MergeResult Held(CustomMergeInput input, Row merged, IReadOnlyList<string> quiet)
    {
        var (type, @base, local, remote) = (input.Type, input.Base, input.Local, input.Remote);
        var values = new Value[type.Fields.Count];
        var fields = new List<FieldMerge>();
        var hasConflict = false;
        for (var i = 0; i < values.Length; i++)
        {
            var field = type.Fields[i];
            var was = @base is null ? Value.Absent : @base[i];
            var theirs = remote[i].IsAbsent ? was : remote[i];
            var mine = local[i].IsAbsent ? was : local[i];
            var isServers = (type.IsKey(i) || field.ServerDerived) && !theirs.IsAbsent;
            values[i] = isServers ? theirs : !merged[i].IsAbsent ? merged[i] : theirs.IsAbsent ? mine : theirs;
            if (values[i] == was && mine == was && theirs == was)
            {
                continue;
            }

            var rule = type.IsKey(i) ? MergeRule.Key : field.ServerDerived ? MergeRule.ServerDerived : MergeRule.Custom;
            fields.Add(new FieldMerge(field.Name, rule, null, SourceOf(values[i], was, mine, theirs)));
            hasConflict |= !isServers && mine != theirs && mine != was && theirs != was && !quiet.Contains(field.Name, StringComparer.Ordinal);
        }

        return new MergeResult(new Row(type, values), fields, hasConflict);
    }

    private static MergeSource SourceOf(Value value, Value was, Value mine, Value theirs) =>
        value == mine ? value == theirs ? MergeSource.Both : MergeSource.Local
        : value == theirs ? MergeSource.Remote
        : value == was ? MergeSource.Base : MergeSource.Both;

    private static MergeResult Manual(CustomMergeInput input, string reason)
    {
        var byPolicies = EntityMerger.MergeByPolicies(input.Type, input.Base, input.Local, input.Remote, input.Context);
        return new MergeResult(input.Local, byPolicies.Fields, HasConflict: true) { ManualReason = reason, Proposed = byPolicies.Proposed ?? byPolicies.Merged };
    }
}
