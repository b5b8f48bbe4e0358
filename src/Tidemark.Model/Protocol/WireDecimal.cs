namespace Tidemark.Model.Protocol;

/// <summary>Decimals on the wire: plain digits without exponent, sign of zero or needless zeros; any length.</summary>
public static class WireDecimal
{
    /// <exception cref="FormatException">Not a decimal number.</exception>
    public static string Canonical(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var body = text.AsSpan();
        var negative = body.Length > 0 && body[0] == '-';
        body = negative ? body[1..] : body;
        var dot = body.IndexOf('.');
        var whole = dot < 0 ? body : body[..dot];
        var fraction = dot < 0 ? default : body[(dot + 1)..];
        if (whole.Length == 0 || (dot >= 0 && fraction.Length == 0) || ContainsOther(whole) || ContainsOther(fraction))
        {
            throw new FormatException("A decimal is wanted as digits with at most one point, such as \"12.50\".");
        }

        whole = whole.TrimStart('0');
        fraction = fraction.TrimEnd('0');
        if (whole.Length == 0 && fraction.Length == 0)
        {
            return "0";
        }

        return (negative ? "-" : "") + (whole.Length == 0 ? "0" : whole.ToString()) + (fraction.Length == 0 ? "" : "." + fraction.ToString());
    }

    private static bool ContainsOther(ReadOnlySpan<char> digits) => digits.ContainsAnyExceptInRange('0', '9');
}
