using System.Buffers.Text;
using System.Text.Unicode;
using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>Tells whether JSON is in its canonical form already, by its bytes alone: what every Tidemark sends is, and need not be written again to be hashed.</summary>
internal static class CanonicalBytes
{
    // Marks of containers are bits of a word.
    private const int DepthMax = 60;

    // A double keeps every decimal of so many digits, and no other of so few is the same double: it is its own shortest form.
    private const int DigitsKept = 15;

    // Below 0.000001 ECMAScript writes an exponent.
    private const int ZerosMax = 5;

    /// <summary>False where it cannot be told; true only if the canonical form is these bytes.</summary>
    /// <param name="json">Valid JSON: somebody has read it.</param>
    /// <param name="scratch">Is written to.</param>
    public static bool Are(ReadOnlySpan<byte> json, CanonicalJsonWriter scratch)
    {
        if (!Utf8.IsValid(json))
        {
            return false;
        }

        Span<Range> lastNames = stackalloc Range[DepthMax + 1];
        var (at, depth, objects, isName) = (0, 0, 0UL, false);
        while (at < json.Length)
        {
            switch (json[at])
            {
                case (byte)'{' or (byte)'[' when depth == DepthMax:
                    return false;
                case (byte)'{' or (byte)'[':
                    isName = json[at++] == (byte)'{';
                    objects = (objects << 1) | (isName ? 1UL : 0);
                    lastNames[++depth] = default;
                    break;
                case (byte)'}' or (byte)']':
                    at++;
                    depth--;
                    objects >>= 1;
                    break;
                case (byte)',':
                    at++;
                    isName = (objects & 1) != 0;
                    break;
                case (byte)'"':
                    var length = json[++at..].IndexOfAny((byte)'"', (byte)'\\');
                    if (length < 0 || json[at + length] != (byte)'"' || (isName && !IsNext(json, at, length, ref lastNames[Math.Max(depth, 0)])))
                    {
                        return false;
                    }

                    at += length + (isName ? 2 : 1); // With its colon.
                    isName = false;
                    break;
                case (byte)'t' or (byte)'n':
                    at += 4;
                    break;
                case (byte)'f':
                    at += 5;
                    break;
                default:
                    var token = json[at..];
                    var end = token.IndexOfAny((byte)',', (byte)'}', (byte)']');
                    token = end < 0 ? token : token[..end];
                    if (!IsNumber(token, scratch))
                    {
                        return false;
                    }

                    at += token.Length;
                    break;
            }
        }

        return at == json.Length;
    }

    // Names are sorted by UTF-16 code units; up to U+D7FF the order of UTF-8 bytes is the same.
    private static bool IsNext(ReadOnlySpan<byte> json, int at, int length, ref Range last)
    {
        var former = json[last];
        var name = json.Slice(at, length);
        last = at..(at + length);
        return !name.ContainsAnyInRange((byte)0xED, (byte)0xFF) && (former.Length == 0 || former.SequenceCompareTo(name) < 0)
            && at + length + 1 < json.Length && json[at + length + 1] == (byte)':';
    }

    private static bool IsNumber(ReadOnlySpan<byte> token, CanonicalJsonWriter scratch)
    {
        if (token.Length == 0 || !(token[0] == (byte)'-' || char.IsAsciiDigit((char)token[0])))
        {
            return false; // White space.
        }

        var digits = token[0] == (byte)'-' ? token[1..] : token;
        var point = digits.IndexOf((byte)'.');
        if (digits.Length <= DigitsKept && (point < 0 ? IsWhole(token, digits) : IsDecimal(digits[..point], digits[(point + 1)..])))
        {
            return true;
        }

        if (token.ContainsAny((byte)' ', (byte)'\n', (byte)'\r') || token.Contains((byte)'\t'))
        {
            return false;
        }

        scratch.Clear();
        CanonicalPayload.WriteNumber(scratch, token);
        return scratch.Written.SequenceEqual(token);
    }

    private static bool IsWhole(ReadOnlySpan<byte> token, ReadOnlySpan<byte> digits) =>
        AreDigits(digits) && (digits[0] != (byte)'0' || token.Length == 1);

    private static bool IsDecimal(ReadOnlySpan<byte> whole, ReadOnlySpan<byte> fraction) =>
        AreDigits(whole) && AreDigits(fraction) && fraction[^1] != (byte)'0'
        && (whole[0] != (byte)'0' || (whole.Length == 1 && fraction.IndexOfAnyExcept((byte)'0') <= ZerosMax));

    private static bool AreDigits(ReadOnlySpan<byte> text) => text.Length > 0 && !text.ContainsAnyExceptInRange((byte)'0', (byte)'9');
}
