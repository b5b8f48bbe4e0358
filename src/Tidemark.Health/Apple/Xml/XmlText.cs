using System.Buffers;
using System.Globalization;
using System.Text;

namespace Tidemark.Health.Apple.Xml;

/// <summary>The value of an attribute as text: the five entities of XML and numeric ones are read, no others exist; what XML does not allow is taken out.</summary>
internal static class XmlText
{
    // Control characters that XML 1.0 does not allow, and the ampersand.
    private static readonly SearchValues<byte> Special = SearchValues.Create([0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, (byte)'&']);

    /// <param name="raw">The bytes between the quotes.</param>
    /// <param name="scrubbed">A control character was taken out.</param>
    public static string Decode(ReadOnlySpan<byte> raw, out bool scrubbed)
    {
        scrubbed = false;
        if (raw.IndexOfAny(Special) < 0)
        {
            return Encoding.UTF8.GetString(raw);
        }

        var text = new StringBuilder(raw.Length);
        while (raw.IndexOfAny(Special) is var at and >= 0)
        {
            text.Append(Encoding.UTF8.GetString(raw[..at]));
            if (raw[at] != '&')
            {
                scrubbed = true;
                raw = raw[(at + 1)..];
                continue;
            }

            var end = raw[at..].IndexOf((byte)';');
            if (end is < 2 or > 12 || !Entity(raw.Slice(at + 1, end - 1), text, ref scrubbed))
            {
                text.Append('&'); // Text after all.
                end = 0;
            }

            raw = raw[(at + end + 1)..];
        }

        return text.Append(Encoding.UTF8.GetString(raw)).ToString();
    }

    private static bool Entity(ReadOnlySpan<byte> name, StringBuilder text, ref bool scrubbed)
    {
        if (name[0] == '#')
        {
            var isHex = name.Length > 2 && name[1] is (byte)'x' or (byte)'X';
            if (!int.TryParse(name[(isHex ? 2 : 1)..], isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out var code) || !Rune.IsValid(code))
            {
                return false;
            }

            if (code < ' ' && code is not ('\t' or '\n' or '\r'))
            {
                scrubbed = true;
                return true;
            }

            text.Append(new Rune(code).ToString());
            return true;
        }

        char? c = name switch
        {
            _ when name.SequenceEqual("lt"u8) => '<',
            _ when name.SequenceEqual("gt"u8) => '>',
            _ when name.SequenceEqual("amp"u8) => '&',
            _ when name.SequenceEqual("quot"u8) => '"',
            _ when name.SequenceEqual("apos"u8) => '\'',
            _ => null,
        };
        if (c is not { } known)
        {
            return false;
        }

        text.Append(known);
        return true;
    }
}
