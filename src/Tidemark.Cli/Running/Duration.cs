using System.Globalization;

namespace Tidemark.Cli.Running;

/// <summary>Times as people write them: 90s, 15m, 12h, 30d.</summary>
internal static class Duration
{
    /// <exception cref="VerbException">The text is no duration.</exception>
    public static TimeSpan Parse(string text)
    {
        if (text.Length > 1 && double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number is > 0 and < 1_000_000)
        {
            switch (text[^1])
            {
                case 's':
                    return TimeSpan.FromSeconds(number);
                case 'm':
                    return TimeSpan.FromMinutes(number);
                case 'h':
                    return TimeSpan.FromHours(number);
                case 'd':
                    return TimeSpan.FromDays(number);
            }
        }

        throw VerbException.Usage($"'{text}' is no time; write 90s, 15m, 12h or 30d.");
    }
}
