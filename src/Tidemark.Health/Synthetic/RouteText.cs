using System.Globalization;
using System.Text;

namespace Tidemark.Health.Synthetic;

/// <summary>A workout's route as the export writes it: a point every five seconds.</summary>
internal sealed record RouteText(long Workout, long Start, long End, string File)
{
    private const int Step = 5;

    public long Points => ((End - Start) / Step) + 1;

    /// <summary>By when it ended, on the phone's clock.</summary>
    public static string NameOf(long localEnd, bool isLocalised)
    {
        var end = DateTime.UnixEpoch.AddSeconds(localEnd);
        return isLocalised
            ? string.Create(CultureInfo.InvariantCulture, $"Маршрут & {end:yyyy-MM-dd HH.mm}.gpx")
            : string.Create(CultureInfo.InvariantCulture, $"route_{end:yyyy-MM-dd_h.mm}{(end.Hour < 12 ? "am" : "pm")}.gpx");
    }

    public string Text(GenerateOptions options)
    {
        var draw = new Draw(options.Seed);
        var text = new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gpx version=\"1.1\" creator=\"Apple Health Export\" xmlns=\"http://www.topografix.com/GPX/1/1\">\n  <trk>\n    <name>Route</name>\n    <trkseg>\n");
        if (options.Faults.HasFlag(HealthFaults.Routes))
        {
            text.Append("      <trkpt lon=\"\" lat=\"38.7\"><ele>1</ele></trkpt>\n");
        }

        for (var point = 0L; point < Points; point++)
        {
            // Whole millionths and hundredths, so that no rounding depends on a machine.
            var wander = draw.Below("route", (Workout * 1_000_000) + point, 40);
            var time = DateTime.UnixEpoch.AddSeconds(Start + (point * Step));
            text.Append("      <trkpt lon=\"-").Append(Fraction(9_139_000 + (point * 90) + wander, 1_000_000)).Append("\" lat=\"").Append(Fraction(38_722_000 + (point * 60) - wander, 1_000_000))
                .Append("\"><ele>").Append(Fraction(4_200 + (wander * 10), 100)).Append("</ele><time>").Append(time.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture))
                .Append("</time><extensions><speed>").Append(Fraction(250 + wander, 100)).Append("</speed><course>").Append(Fraction(30_000 + wander, 100)).Append("</course><hAcc>3.25</hAcc><vAcc>2.5</vAcc></extensions></trkpt>\n");
        }

        return text.Append("    </trkseg>\n  </trk>\n</gpx>\n").ToString();
    }

    private static string Fraction(long value, long parts) => string.Create(CultureInfo.InvariantCulture, $"{value / parts}.{(value % parts).ToString(parts == 100 ? "00" : "000000", CultureInfo.InvariantCulture)}");
}
