using System.Globalization;
using System.Numerics;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Model.Merging;

/// <summary>
/// The order that a monotonic field goes by: total, so that every device finds the same greatest value whatever comes. NULL stands before
/// everything, then declared states, numbers, text, bytes; what does not fit its field stands before what does.
/// </summary>
public static class ValueOrder
{
    /// <summary>Which value of a field counts whatever was written when; 0 for fields that may go back.</summary>
    public static int CompareMonotonic(Field field, Value a, Value b)
    {
        ArgumentNullException.ThrowIfNull(field);
        return field.Policy == FieldPolicy.Monotonic ? Compare(field, a, b) : 0;
    }

    internal static int Compare(Field field, Value a, Value b)
    {
        if (field.States is { } states)
        {
            var order = StateOf(states, a).CompareTo(StateOf(states, b));
            return order != 0 ? order : Plain(a, b);
        }

        return field.Type switch
        {
            FieldType.Timestamp when a.Kind == ValueKind.Text && b.Kind == ValueKind.Text => Times(a, b),
            FieldType.Decimal when a.Kind == ValueKind.Text && b.Kind == ValueKind.Text => Decimals(a, b),
            _ => Plain(a, b),
        };
    }

    private static int StateOf(IReadOnlyList<string> states, Value value)
    {
        for (var i = 0; value.Kind == ValueKind.Text && i < states.Count; i++)
        {
            if (string.Equals(states[i], value.AsText, StringComparison.Ordinal))
            {
                return i;
            }
        }

        return -1;
    }

    private static int Times(Value a, Value b)
    {
        var order = TicksOf(a.AsText).CompareTo(TicksOf(b.AsText));
        return order != 0 ? order : Plain(a, b);
    }

    private static long TicksOf(string text)
    {
        try
        {
            return WireTime.Parse(text).UtcTicks;
        }
        catch (FormatException)
        {
            return -1;
        }
    }

    private static int Decimals(Value a, Value b)
    {
        var (left, right) = (Digits.Parse(a.AsText), Digits.Parse(b.AsText));
        var order = left is null || right is null ? (left is null ? 0 : 1) - (right is null ? 0 : 1) : Digits.Compare(left.Value, right.Value);
        return order != 0 ? order : Plain(a, b);
    }

    private static int Plain(Value a, Value b)
    {
        var (left, right) = (ClassOf(a), ClassOf(b));
        if (left != right)
        {
            return left.CompareTo(right);
        }

        if (left == 1)
        {
            var order = Numbers(a, b);
            return order != 0 ? order : a.Kind.CompareTo(b.Kind);
        }

        return new EntityKey(a).CompareTo(new EntityKey(b));
    }

    private static int ClassOf(Value value) => value.Kind switch
    {
        ValueKind.Absent => -1,
        ValueKind.Null => 0,
        ValueKind.Integer or ValueKind.Real => 1,
        ValueKind.Text => 2,
        ValueKind.Blob => 3,
        _ => 4,
    };

    private static int Numbers(Value a, Value b) => (a.Kind, b.Kind) switch
    {
        (ValueKind.Integer, ValueKind.Integer) => a.AsInteger.CompareTo(b.AsInteger),
        (ValueKind.Real, ValueKind.Real) => a.AsReal.CompareTo(b.AsReal),
        (ValueKind.Integer, _) => Mixed(a.AsInteger, b.AsReal),
        _ => -Mixed(b.AsInteger, a.AsReal),
    };

    // A double keeps 53 bits: above that two different integers look like one double.
    private static int Mixed(long integer, double real)
    {
        if (real >= 9.3e18 || real <= -9.3e18)
        {
            return real > 0 ? -1 : 1;
        }

        var whole = new BigInteger(Math.Floor(real));
        var order = new BigInteger(integer).CompareTo(whole);
        return order != 0 ? order : real > Math.Floor(real) ? -1 : 0;
    }
}

/// <summary>A decimal number as whole digits and the place of its point.</summary>
internal readonly record struct Digits(BigInteger Whole, int Scale)
{
    // The work on longer ones grows with the square of their length.
    private const int CharsMax = 2000;

    /// <summary>Null when the text is no decimal, or one of more digits than anybody counts with.</summary>
    public static Digits? Parse(string text)
    {
        try
        {
            var canonical = text.Length > CharsMax ? throw new FormatException() : WireDecimal.Canonical(text);
            var dot = canonical.IndexOf('.', StringComparison.Ordinal);
            return dot < 0
                ? new Digits(BigInteger.Parse(canonical, CultureInfo.InvariantCulture), 0)
                : new Digits(BigInteger.Parse(canonical.Remove(dot, 1), CultureInfo.InvariantCulture), canonical.Length - dot - 1);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    public static int Compare(Digits a, Digits b)
    {
        var scale = Math.Max(a.Scale, b.Scale);
        return a.At(scale).CompareTo(b.At(scale));
    }

    /// <summary>a + b - c in plain digits.</summary>
    public static string Sum(Digits a, Digits b, Digits c)
    {
        var scale = Math.Max(Math.Max(a.Scale, b.Scale), c.Scale);
        var sum = a.At(scale) + b.At(scale) - c.At(scale);
        var digits = BigInteger.Abs(sum).ToString(CultureInfo.InvariantCulture).PadLeft(scale + 1, '0');
        return WireDecimal.Canonical((sum.Sign < 0 ? "-" : "") + (scale == 0 ? digits : digits.Insert(digits.Length - scale, ".")));
    }

    private BigInteger At(int scale) => Whole * BigInteger.Pow(10, scale - Scale);
}
