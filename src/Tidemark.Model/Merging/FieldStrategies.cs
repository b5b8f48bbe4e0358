using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Merging;

/// <summary>One field that both sides changed, each to another value. <see cref="Value.Absent"/> as base: no common ancestor, or one nobody knows.</summary>
internal readonly record struct FieldConflict(Field Field, Value Base, Value Local, Value Remote, Row LocalRow, Row RemoteRow);

/// <param name="Value">What the field is to be.</param>
/// <param name="From">Whose value it is.</param>
/// <param name="Note">An overlap, or a fallback and its cause.</param>
internal readonly record struct FieldDecision(Value Value, MergeSource From, string? Note = null)
{
    public static FieldDecision Local(in FieldConflict conflict) => new(conflict.Local, MergeSource.Local);

    public static FieldDecision Remote(in FieldConflict conflict) => new(conflict.Remote, MergeSource.Remote);

    /// <summary>What a policy does with values it cannot work on: the edit that reaches the server last stands.</summary>
    public static FieldDecision Fallback(in FieldConflict conflict, string cause) => new(conflict.Local, MergeSource.Local, cause + "; the pending edit stands");

    /// <summary>A value made of both, or the one of a side that it equals.</summary>
    public static FieldDecision Of(in FieldConflict conflict, Value value, string? note = null) =>
        new(value, value == conflict.Remote ? MergeSource.Remote : value == conflict.Local ? MergeSource.Local : MergeSource.Both, note);
}

/// <summary>A pure rule for a field that both sides changed. It throws on nothing.</summary>
internal delegate FieldDecision FieldStrategy(in FieldConflict conflict);

/// <summary>One strategy for each policy.</summary>
internal static class FieldStrategies
{
    public static FieldStrategy Of(FieldPolicy policy)
    {
#if TIDEMARK_MUTANTS
        switch (policy)
        {
            case FieldPolicy.Counter when Mutants.Is(Mutant.CounterTakesServer):
                return FieldDecision.Remote;
            case FieldPolicy.Text when Mutants.Is(Mutant.TextDropsOtherSide):
            case FieldPolicy.Monotonic when Mutants.Is(Mutant.MonotonicOverwritten):
            case FieldPolicy.ServerWins when Mutants.Is(Mutant.ServerWinsIgnored):
                return FieldDecision.Local;
        }
#endif
        return StrategyOf(policy);
    }

    private static FieldStrategy StrategyOf(FieldPolicy policy) => policy switch
    {
        FieldPolicy.LastWriterWins => LastWriter,
        FieldPolicy.LocalWins => FieldDecision.Local,
        FieldPolicy.ServerWins => FieldDecision.Remote,
        FieldPolicy.MergeArrays => JsonStrategies.Arrays,
        FieldPolicy.MergeObject => JsonStrategies.Objects,
        FieldPolicy.Monotonic => Greatest,
        FieldPolicy.Counter => CounterStrategy.Decide,
        FieldPolicy.Text => TextStrategy.Decide,
        FieldPolicy.Manual => FieldDecision.Local, // Stays as it is while a person is asked.
        _ => throw new ArgumentOutOfRangeException(nameof(policy), policy, "There is no strategy for this policy."),
    };

    // The pending edit has yet to be sent: by the server's order it is the last, unless a clock says otherwise.
    private static FieldDecision LastWriter(in FieldConflict conflict)
    {
        if (conflict.Field.Clock is not { } clock || conflict.LocalRow.Type.FindOrdinal(clock) is not (>= 0 and var ordinal))
        {
            return FieldDecision.Local(conflict);
        }

        var (mine, theirs) = (conflict.LocalRow[ordinal], conflict.RemoteRow[ordinal]);
        if (theirs.IsAbsent || mine.IsAbsent)
        {
            return FieldDecision.Local(conflict);
        }

        var order = ValueOrder.Compare(conflict.LocalRow.Type.Fields[ordinal], mine, theirs);
        // Written at the same time: any order will do, as long as it is the same one everywhere.
        return (order != 0 ? order : ValueOrder.Compare(conflict.Field, conflict.Local, conflict.Remote)) > 0 ? FieldDecision.Local(conflict) : FieldDecision.Remote(conflict);
    }

    private static FieldDecision Greatest(in FieldConflict conflict) =>
        ValueOrder.Compare(conflict.Field, conflict.Local, conflict.Remote) > 0 ? FieldDecision.Local(conflict) : FieldDecision.Remote(conflict);
}
