using System.Globalization;

namespace Tidemark.Model.Protocol;

/// <summary>Times on the wire: UTC, ISO 8601, up to seven digits of a second, trailing zeros left out.</summary>
public static class WireTime
{
    private const string Format = "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'";

    public static string ToText(DateTimeOffset time) => time.UtcDateTime.ToString(Format, CultureInfo.InvariantCulture);

    /// <exception cref="FormatException">Not a time, or without an offset.</exception>
    public static DateTimeOffset Parse(string text)
    {
        var hasOffset = text.EndsWith('Z') || text.LastIndexOfAny(['+', '-']) > 9;
        return hasOffset && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out var time)
            ? time
            : throw new FormatException("A time in ISO 8601 with its offset is wanted, such as 2026-01-31T12:00:00Z.");
    }

    public static string Canonical(string text) => ToText(Parse(text));

    /// <summary>The time that a position stands for.</summary>
    public static string OfPosition(long microseconds) => ToText(DateTimeOffset.UnixEpoch.AddTicks(microseconds * 10));
}
