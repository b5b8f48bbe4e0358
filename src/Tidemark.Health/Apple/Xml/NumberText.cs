using System.Buffers.Text;

namespace Tidemark.Health.Apple.Xml;

/// <summary>The numbers of an export. Nearly all are a few digits with a point, which need no general parser: a whole number divided by a power of ten, both exact, is rounded as that rounds it.</summary>
internal static class NumberText
{
    private const int DigitsMax = 15;
    private static readonly double[] Powers = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

    /// <summary>The whole text is one finite number.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out double number)
    {
        var isNegative = text.Length > 0 && text[0] == '-';
        var digits = isNegative ? text[1..] : text;
        if (digits.Length is 0 or > DigitsMax || digits[0] == '.')
        {
            return TrySlow(text, out number);
        }

        var (whole, decimals, hasPoint) = (0L, 0, false);
        foreach (var b in digits)
        {
            var digit = (uint)(b - '0');
            if (digit <= 9)
            {
                whole = (whole * 10) + digit;
                decimals += hasPoint ? 1 : 0;
            }
            else if (b == '.' && !hasPoint)
            {
                hasPoint = true;
            }
            else
            {
                return TrySlow(text, out number);
            }
        }

        number = whole / Powers[decimals];
        number = isNegative ? -number : number;
        return true;
    }

    private static bool TrySlow(ReadOnlySpan<byte> text, out double number) =>
        Utf8Parser.TryParse(text, out number, out var length) && length == text.Length && length > 0 && double.IsFinite(number);
}
