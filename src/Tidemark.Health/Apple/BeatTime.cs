using System.Globalization;

namespace Tidemark.Health.Apple;

/// <summary>The time of a heart beat as an export spells it, in the phone's language: 00:20:37,80, 4:17:18.57 pm, 8:00:00.00 AM.</summary>
internal static class BeatTime
{
    /// <summary>Milliseconds since the full hour; null when it is no time. The hour itself means nothing.</summary>
    public static double? WithinHour(string text)
    {
        var parts = text.Split(':');
        if (parts.Length != 3 || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var minutes) || minutes > 59)
        {
            return null;
        }

        var end = 0;
        while (end < parts[2].Length && (char.IsAsciiDigit(parts[2][end]) || parts[2][end] is ',' or '.'))
        {
            end++;
        }

        return double.TryParse(parts[2][..end].Replace(',', '.'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && seconds < 61
            ? ((minutes * 60) + seconds) * 1000
            : null;
    }
}
