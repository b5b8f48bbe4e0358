using System.Globalization;

namespace Tidemark.Model.Protocol;

/// <summary>Times on the wire: UTC, ISO 8601, up to seven digits of a second, trailing zeros left out.</summary>
public static class WireTime
{
    private const string Format = "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'";

    public static string ToText(DateTimeOffset time) => time.UtcDateTime.ToString(Format, CultureInfo.InvariantCulture);

    /// <summary>Takes any offset, T or a space, and a time with or without seconds. Never rounds.</summary>
    /// <exception cref="FormatException">Not a time, without an offset, or finer than 100 ns.</exception>
    public static DateTimeOffset Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return TryTicks(text, out var ticks) && ticks >= 0 && ticks <= DateTime.MaxValue.Ticks
            ? new DateTimeOffset(ticks, TimeSpan.Zero)
            : throw new FormatException("A time in ISO 8601 with its offset and at most seven digits of a second is wanted, such as 2026-01-31T12:00:00Z.");
    }

    public static string Canonical(string text)
    {
        var time = Parse(text);
        Span<char> canonical = stackalloc char[32];
        return time.UtcDateTime.TryFormat(canonical, out var length, Format, CultureInfo.InvariantCulture) && text.AsSpan().SequenceEqual(canonical[..length])
            ? text
            : canonical[..length].ToString();
    }

    // All rows of a push have one position, and its verdicts too: written out once.
    private static volatile PositionText _lastPosition = new(0, ToText(DateTimeOffset.UnixEpoch));

    /// <summary>The time that a position stands for.</summary>
    public static string OfPosition(long microseconds)
    {
        var last = _lastPosition;
        if (last.Microseconds != microseconds)
        {
            _lastPosition = last = new PositionText(microseconds, ToText(DateTimeOffset.UnixEpoch.AddTicks(microseconds * 10)));
        }

        return last.Text;
    }

    internal static void WritePosition(Values.CanonicalJsonWriter json, long microseconds) => json.WriteString(OfPosition(microseconds));

    // By hand: the framework's parser fills a missing date with today's and rounds an eighth digit.
    private static bool TryTicks(ReadOnlySpan<char> text, out long ticks)
    {
        ticks = 0;
        if (!TryNumber(ref text, 4, out var year) || !Take(ref text, '-') || !TryNumber(ref text, 2, out var month) || !Take(ref text, '-') || !TryNumber(ref text, 2, out var day)
            || !(Take(ref text, 'T') || Take(ref text, ' ')) || !TryNumber(ref text, 2, out var hour) || !Take(ref text, ':') || !TryNumber(ref text, 2, out var minute))
        {
            return false;
        }

        var second = 0;
        var fraction = 0L;
        if (Take(ref text, ':') && (!TryNumber(ref text, 2, out second) || (Take(ref text, '.') && !TryFraction(ref text, out fraction))))
        {
            return false;
        }

        if (year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month) || hour > 23 || minute > 59 || second > 59 || !TryOffset(text, out var offset))
        {
            return false;
        }

        ticks = new DateTime(year, month, day, hour, minute, second).Ticks + fraction - offset;
        return true;
    }

    private static bool TryOffset(ReadOnlySpan<char> text, out long ticks)
    {
        ticks = 0;
        if (text is "Z")
        {
            return true;
        }

        var negative = text.Length > 0 && text[0] == '-';
        if ((!Take(ref text, '+') && !Take(ref text, '-')) || !TryNumber(ref text, 2, out var hours) || !Take(ref text, ':') || !TryNumber(ref text, 2, out var minutes)
            || text.Length > 0 || hours > 14 || minutes > 59)
        {
            return false;
        }

        ticks = (negative ? -1 : 1) * ((hours * TimeSpan.TicksPerHour) + (minutes * TimeSpan.TicksPerMinute));
        return true;
    }

    private static bool TryFraction(ref ReadOnlySpan<char> text, out long ticks)
    {
        ticks = 0;
        var end = text.IndexOfAnyExceptInRange('0', '9');
        var digits = end < 0 ? text : text[..end];
        text = text[digits.Length..];
        if (digits.Length == 0 || digits.TrimEnd('0').Length > 7)
        {
            return false;
        }

        for (var i = 0; i < 7; i++)
        {
            ticks = (ticks * 10) + (i < digits.Length ? digits[i] - '0' : 0);
        }

        return true;
    }

    private static bool TryNumber(ref ReadOnlySpan<char> text, int length, out int number)
    {
        number = 0;
        if (text.Length < length)
        {
            return false;
        }

        for (var i = 0; i < length; i++)
        {
            if (!char.IsAsciiDigit(text[i]))
            {
                return false;
            }

            number = (number * 10) + (text[i] - '0');
        }

        text = text[length..];
        return true;
    }

    private static bool Take(ref ReadOnlySpan<char> text, char wanted)
    {
        if (text.Length == 0 || text[0] != wanted)
        {
            return false;
        }

        text = text[1..];
        return true;
    }

    private sealed record PositionText(long Microseconds, string Text);
}
