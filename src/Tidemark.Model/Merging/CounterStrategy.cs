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

        return Sum(conflict.Field, was, mine, theirs) is { } sum
            ? FieldDecision.Of(conflict, sum.Value, sum.Note)
            : FieldDecision.Fallback(conflict, conflict.Field.Type == FieldType.Decimal ? "a value is no decimal number" : "a value is no finite number");
    }

    /// <summary>What is there and what was counted here; null: they cannot be counted.</summary>
    public static (Value Value, string? Note)? Sum(Field field, Value was, Value mine, Value theirs)
    {
        if (field.Type == FieldType.Decimal)
        {
            return DigitsOf(was) is { } first && DigitsOf(mine) is { } second && DigitsOf(theirs) is { } third ? (Value.Text(Digits.Sum(third, second, first)), null) : null;
        }

        if (IsWhole(was) && IsWhole(mine) && IsWhole(theirs))
        {
            var sum = (Int128)WholeOf(theirs) + WholeOf(mine) - WholeOf(was);
            return sum > long.MaxValue ? (Value.Integer(long.MaxValue), "the sum is beyond 64 bits; the greatest number stands")
                : sum < long.MinValue ? (Value.Integer(long.MinValue), "the sum is beyond 64 bits; the least number stands")
                : (Value.Integer((long)sum), null);
        }

        return RealOf(was) is { } from && RealOf(mine) is { } here && RealOf(theirs) is { } there && double.IsFinite(there + (here - from)) ? (Value.Real(there + (here - from)), null) : null;
    }

    private const string Unknown = "nobody knows from which number both counted; the greater stands";

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
