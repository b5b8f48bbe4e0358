using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Merging;

/// <summary>One field that both sides changed, each to another value. <see cref="Value.Absent"/> as base: no common ancestor.</summary>
internal readonly record struct FieldConflict(Field Field, Value Base, Value Local, Value Remote, MergeContext Context);

internal readonly record struct FieldDecision(Value Value, MergeSource From)
{
    public static FieldDecision Local(in FieldConflict conflict) => new(conflict.Local, MergeSource.Local);

    public static FieldDecision Remote(in FieldConflict conflict) => new(conflict.Remote, MergeSource.Remote);
}

/// <summary>A pure rule for a field that both sides changed.</summary>
internal delegate FieldDecision FieldStrategy(in FieldConflict conflict);

/// <summary>One strategy for each policy.</summary>
internal static class FieldStrategies
{
    public static FieldStrategy Of(FieldPolicy policy) => policy switch
    {
        // The pending edit has yet to be sent: by the server's order it is the last.
        FieldPolicy.LastWriterWins => FieldDecision.Local,
        FieldPolicy.LocalWins => FieldDecision.Local,
        FieldPolicy.ServerWins => FieldDecision.Remote,
        _ => throw new ArgumentOutOfRangeException(nameof(policy), policy, "There is no strategy for this policy."),
    };
}
