using System.Globalization;
using System.Text;
using Tidemark.Health.Apple.Xml;
using Tidemark.Health.Importing;

namespace Tidemark.Health.Apple;

/// <summary>A workout's route as a file of GPX: points with a place and a time. Nothing else of it is kept.</summary>
internal static class RouteFile
{
    private const int PointBytesMax = 4096;

    /// <summary>The numbers of all points, one point after the other; null when there is none, or are more than any route has.</summary>
    public static double[]? Read(ReadOnlySpan<byte> gpx, out long unreadable)
    {
        var numbers = new List<double>();
        var tag = new Tag();
        var at = 0;
        unreadable = 0;
        while (gpx[at..].IndexOf("<trkpt"u8) is var open and >= 0)
        {
            at += open;
            var begin = at;
            if (tag.Read(gpx, ref at) != TagOutcome.Ok)
            {
                (unreadable, at) = (unreadable + 1, begin + 1);
                continue;
            }

            var rest = gpx.Slice(at, tag.IsEmpty ? 0 : Math.Min(gpx.Length - at, PointBytesMax));
            var inner = rest.IndexOf("</trkpt>"u8) is var close and >= 0 ? rest[..close] : default;
            if (!Add(numbers, tag, gpx, inner))
            {
                unreadable++;
            }
            else if (numbers.Count > RoutePoints.PointsMax * RoutePoints.Columns.Length)
            {
                return null;
            }
        }

        return numbers.Count > 0 ? [.. numbers] : null;
    }

    private static bool Add(List<double> numbers, Tag tag, ReadOnlySpan<byte> gpx, ReadOnlySpan<byte> inner)
    {
        if (!NumberText.TryParse(tag.Find(gpx, "lat"u8).Of(gpx), out var latitude) || !NumberText.TryParse(tag.Find(gpx, "lon"u8).Of(gpx), out var longitude)
            || Math.Abs(latitude) > 90 || Math.Abs(longitude) > 180
            || !DateTimeOffset.TryParse(Encoding.UTF8.GetString(TextOf(inner, "<time>"u8)), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
        {
            return false;
        }

        numbers.Add(time.ToUnixTimeMilliseconds());
        numbers.Add(latitude);
        numbers.Add(longitude);
        numbers.Add(NumberOf(inner, "<ele>"u8));
        numbers.Add(NumberOf(inner, "<speed>"u8));
        numbers.Add(NumberOf(inner, "<course>"u8));
        numbers.Add(NumberOf(inner, "<hAcc>"u8));
        numbers.Add(NumberOf(inner, "<vAcc>"u8));
        return true;
    }

    private static double NumberOf(ReadOnlySpan<byte> inner, ReadOnlySpan<byte> open) => NumberText.TryParse(TextOf(inner, open), out var number) ? number : double.NaN;

    private static ReadOnlySpan<byte> TextOf(ReadOnlySpan<byte> inner, ReadOnlySpan<byte> open)
    {
        var found = inner.IndexOf(open);
        if (found < 0)
        {
            return default;
        }

        var text = inner[(found + open.Length)..];
        return text.IndexOf((byte)'<') is var end and >= 0 ? text[..end].Trim(" \n\r\t"u8) : default;
    }
}
