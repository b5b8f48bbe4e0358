using System.Globalization;
using Tidemark.Model.Protocol;

namespace Tidemark.Model.Values;

/// <summary>Decimals as the device stores them.</summary>
internal static class DecimalForm
{
    // 10^308 in plain digits; longer ones are not decimals anybody stores.
    private const int ExponentMax = 400;

    /// <exception cref="FormatException">The stored value is not a decimal.</exception>
    public static Value ToCanonical(Value stored) => stored.Kind switch
    {
        ValueKind.Text => Value.Text(WireDecimal.Canonical(stored.AsText)),
        ValueKind.Integer => Value.Text(stored.AsInteger.ToString(CultureInfo.InvariantCulture)),
        ValueKind.Real when double.IsFinite(stored.AsReal) => Value.Text(OfReal(stored.AsReal)),
        _ => throw new FormatException($"a decimal is wanted, the stored value is {stored.Kind}"),
    };

    /// <summary>A decimal with more digits than a real keeps stays text, so that no digit is lost.</summary>
    public static Value ToReal(string canonical)
    {
        var real = double.Parse(canonical, NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(real) && string.Equals(OfReal(real), canonical, StringComparison.Ordinal) ? Value.Real(real) : Value.Text(canonical);
    }

    /// <summary>The shortest decimal that reads back as this real, in plain digits.</summary>
    public static string OfReal(double real)
    {
        var (negative, digits, exponent) = Parts(real.ToString("R", CultureInfo.InvariantCulture));
        return (negative ? "-" : "") + Plain(digits, exponent);
    }

    /// <summary>Two spellings of one number, exponents and needless zeros aside.</summary>
    public static bool SameNumber(string left, string right)
    {
        var a = Parts(left);
        var b = Parts(right);
        return a.Digits.Length == 0 ? b.Digits.Length == 0 : a == b;
    }

    /// <summary>The plain digits of a whole number in any spelling; null when it has a fraction.</summary>
    public static string? WholeOf(string number)
    {
        var (negative, digits, exponent) = Parts(number);
        return exponent < digits.Length ? null : (negative ? "-" : "") + (digits.Length == 0 ? "0" : digits.PadRight((int)exponent, '0'));
    }

    // Value = 0.DIGITS * 10^exponent, digits without zeros at either end.
    private static (bool Negative, string Digits, long Exponent) Parts(string number)
    {
        var negative = number[0] == '-';
        var body = number.AsSpan(negative ? 1 : 0);
        var e = body.IndexOfAny('e', 'E');
        var exponent = 0L;
        if (e >= 0)
        {
            if (!long.TryParse(body[(e + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent))
            {
                exponent = body[e + 1] == '-' ? long.MinValue / 2 : long.MaxValue / 2;
            }

            body = body[..e];
        }

        var dot = body.IndexOf('.');
        var digits = dot < 0 ? body.ToString() : string.Concat(body[..dot], body[(dot + 1)..]);
        exponent += dot < 0 ? body.Length : dot;
        var trimmed = digits.TrimStart('0');
        exponent -= digits.Length - trimmed.Length;
        trimmed = trimmed.TrimEnd('0');
        return trimmed.Length == 0 ? (false, "", 0) : (negative, trimmed, exponent);
    }

    private static string Plain(string digits, long exponent)
    {
        if (digits.Length == 0)
        {
            return "0";
        }

        if (exponent <= 0)
        {
            return "0." + new string('0', (int)Math.Min(-exponent, ExponentMax)) + digits;
        }

        return exponent >= digits.Length ? digits.PadRight((int)exponent, '0') : digits.Insert((int)exponent, ".");
    }
}
