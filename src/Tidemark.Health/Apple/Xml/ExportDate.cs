using System.Buffers.Binary;

namespace Tidemark.Health.Apple.Xml;

/// <summary>
/// The dates of an export: `2024-10-28 12:20:29 +0100`, and `20150616071916-0700` of the first ones. The offset is the phone's at the time of the export,
/// whatever it was when the sample was taken: with it the instant is right, and nothing else can be read from it.
/// </summary>
internal static class ExportDate
{
    private const int Length = 25;
    private const int OldLength = 19;

    /// <param name="text">The value of the attribute.</param>
    /// <param name="ms">Milliseconds since 1970.</param>
    /// <param name="isOld">It is of the old form.</param>
    public static bool TryParse(ReadOnlySpan<byte> text, out long ms, out bool isOld)
    {
        if (TryPlain(text, out ms))
        {
            isOld = false;
            return true;
        }

        isOld = text.Length == OldLength && text[4] != '-';
        ms = 0;
        return text.Length == Length && text[4] == '-' && text[10] is (byte)' ' or (byte)'T'
            ? TryParse(text[..4], text.Slice(5, 2), text.Slice(8, 2), text.Slice(11, 2), text.Slice(14, 2), text.Slice(17, 2), text[20..], out ms)
            : isOld && TryParse(text[..4], text.Slice(4, 2), text.Slice(6, 2), text.Slice(8, 2), text.Slice(10, 2), text.Slice(12, 2), text[14..], out ms);
    }

    // As nearly all are, eight bytes at a time: `yyyy-MM-`, `dd HH:mm`, `:ss +HHM`, `M`.
    private static bool TryPlain(ReadOnlySpan<byte> text, out long ms)
    {
        ms = 0;
        if (text.Length != Length)
        {
            return false;
        }

        var isWest = text[20] == '-';
        var date = BinaryPrimitives.ReadUInt64LittleEndian(text) ^ 0x2D30302D30303030;
        var time = BinaryPrimitives.ReadUInt64LittleEndian(text[8..]) ^ 0x30303A3030203030;
        var rest = BinaryPrimitives.ReadUInt64LittleEndian(text[16..]) ^ (isWest ? 0x3030302D2030303AUL : 0x3030302B2030303A);
        var last = (uint)(text[24] - '0');

        // A digit is 0 to 9 now, everything else 0.
        var wrong = Above(date, 0x7F76767F76767676) | Above(time, 0x76767F76767F7676) | Above(rest, 0x7676767F7F76767F);
        if (wrong != 0 || last > 9)
        {
            return false;
        }

        var (dates, times, rests) = (Pairs(date), Pairs(time), Pairs(rest));
        var y = (At(dates, 0) * 100) + At(dates, 2);
        var (mo, d, h, mi, s) = (At(dates, 5), At(times, 0), At(times, 3), At(times, 6), At(rests, 1));
        var (oh, om) = (At(rests, 5), ((int)(rest >> 56) * 10) + (int)last);
        if (y < 1 || mo is < 1 or > 12 || d is < 1 or > 31 || h > 23 || mi > 59 || s > 59 || oh > 18 || om > 59)
        {
            return false;
        }

        var offset = (oh * 3600) + (om * 60);
        ms = ((((Days(y, mo, d) * 24) + h) * 3600L) + (mi * 60) + s - (isWest ? -offset : offset)) * 1000;
        return true;
    }

    private static ulong Above(ulong bytes, ulong room) => ((bytes + room) | bytes) & 0x8080808080808080;

    // Of each byte and the next: ten of the one and the other.
    private static ulong Pairs(ulong digits) => (digits * 10) + (digits >> 8);

    private static int At(ulong bytes, int index) => (int)(bytes >> (8 * index)) & 0xFF;

    private static bool TryParse(ReadOnlySpan<byte> year, ReadOnlySpan<byte> month, ReadOnlySpan<byte> day, ReadOnlySpan<byte> hour, ReadOnlySpan<byte> minute, ReadOnlySpan<byte> second, ReadOnlySpan<byte> offset, out long ms)
    {
        ms = 0;
        var y = (Two(year) * 100) + Two(year[2..]);
        var (mo, d, h, mi, s) = (Two(month), Two(day), Two(hour), Two(minute), Two(second));
        var (oh, om) = (Two(offset[1..]), Two(offset[3..]));
        if (y < 1 || mo is < 1 or > 12 || d is < 1 or > 31 || h is < 0 or > 23 || mi is < 0 or > 59 || s is < 0 or > 59 || oh is < 0 or > 18 || om is < 0 or > 59 || offset[0] is not ((byte)'+' or (byte)'-'))
        {
            return false;
        }

        var sign = offset[0] == '-' ? -1 : 1;
        ms = ((((Days(y, mo, d) * 24) + h) * 3600L) + (mi * 60) + s - (sign * ((oh * 3600) + (om * 60)))) * 1000;
        return true;
    }

    // Two digits; a large negative number for anything else, so that every sum with it is out of range.
    private static int Two(ReadOnlySpan<byte> text)
    {
        var (tens, ones) = ((uint)(text[0] - '0'), (uint)(text[1] - '0'));
        return tens <= 9 && ones <= 9 ? (int)((tens * 10) + ones) : -1_000_000;
    }

    // Days since 1970 of a civil date: years begin in March, so that the leap day is the last.
    private static int Days(int year, int month, int day)
    {
        if (month <= 2)
        {
            year--;
            month += 12;
        }

        return (365 * year) + (year / 4) - (year / 100) + (year / 400) + (((153 * (month - 3)) + 2) / 5) + day - 1 - 719_468;
    }
}
