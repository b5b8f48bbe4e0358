using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Merging;

/// <summary>
/// A number that both sides counted on: the remote's plus what was added or taken away here. NULL counts as 0. Without a base nobody knows
/// what is counted twice: the greater number stands.
/// </summary>
internal static class CounterStrategy
{
    public static FieldDecision Decide(in FieldConflict conflict)
    {
        var (was, mine, theirs) = (conflict.Base, conflict.Local, conflict.Remote);
        if (was.IsAbsent)
        {
            return ValueOrder.Compare(conflict.Field, mine, theirs) > 0
                ? FieldDecision.Local(conflict) with { Note = Unknown }
                : FieldDecision.Remote(conflict) with { Note = Unknown };
        }

        if (conflict.Field.Type == FieldType.Decimal)
        {
            return Decimals(conflict);
        }

        if (IsWhole(was) && IsWhole(mine) && IsWhole(theirs))
        {
            var sum = (Int128)WholeOf(theirs) + WholeOf(mine) - WholeOf(was);
            return sum > long.MaxValue ? FieldDecision.Of(conflict, Value.Integer(long.MaxValue), "the sum is beyond 64 bits; the greatest number stands")
                : sum < long.MinValue ? FieldDecision.Of(conflict, Value.Integer(long.MinValue), "the sum is beyond 64 bits; the least number stands")
                : FieldDecision.Of(conflict, Value.Integer((long)sum));
        }

        if (RealOf(was) is { } from && RealOf(mine) is { } here && RealOf(theirs) is { } there && double.IsFinite(there + (here - from)))
        {
            return FieldDecision.Of(conflict, Value.Real(there + (here - from)));
        }

        return FieldDecision.Fallback(conflict, "a value is no finite number");
    }

    private const string Unknown = "nobody knows from which number both counted; the greater stands";

    private static FieldDecision Decimals(in FieldConflict conflict) =>
        DigitsOf(conflict.Base) is { } was && DigitsOf(conflict.Local) is { } mine && DigitsOf(conflict.Remote) is { } theirs
            ? FieldDecision.Of(conflict, Value.Text(Digits.Sum(theirs, mine, was)))
            : FieldDecision.Fallback(conflict, "a value is no decimal number");

    private static Digits? DigitsOf(Value value) => value.Kind switch
    {
        ValueKind.Null => new Digits(0, 0),
        ValueKind.Text => Digits.Parse(value.AsText),
        _ => null,
    };

    private static bool IsWhole(Value value) => value.Kind is ValueKind.Integer or ValueKind.Null;

    private static long WholeOf(Value value) => value.IsNull ? 0 : value.AsInteger;

    private static double? RealOf(Value value) => value.Kind switch
    {
        ValueKind.Null => 0,
        ValueKind.Integer => value.AsInteger,
        ValueKind.Real => value.AsReal,
        _ => null,
    };
}
