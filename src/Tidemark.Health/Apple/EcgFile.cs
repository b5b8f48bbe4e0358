using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using Tidemark.Health.Importing;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;

namespace Tidemark.Health.Apple;

/// <summary>
/// An ECG as a file of text: a heading of name and value in the phone's language, then one voltage a line. The heading is read by its order and shape; name and
/// date of birth are left out.
/// </summary>
internal static class EcgFile
{
    private const int HeadLinesMax = 40;
    private const int VoltagesMin = 100;

    private static readonly (string Part, string Verdict)[] Verdicts =
    [
        ("Atrial", "AtrialFibrillation"), ("Vorhofflimmern", "AtrialFibrillation"),
        ("Sinus", "SinusRhythm"),
        ("Inconclusive", "Inconclusive"), ("Uneindeutig", "Inconclusive"),
        ("Poor", "PoorRecording"), ("Schlechte", "PoorRecording"),
        ("Over 120", "HeartRateOver120"), ("Over 150", "HeartRateOver150"), ("Under 50", "HeartRateUnder50"),
        ("Unrecognized", "Unrecognized"),
    ];

    /// <summary>Its first lines have a watch's name or a unit of voltage in them.</summary>
    public static bool LooksLikeOne(Stream stream)
    {
        var head = new byte[2048];
        var text = System.Text.Encoding.UTF8.GetString(head, 0, stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false));
        return text.Contains("µV", StringComparison.Ordinal) || text.Contains("Sample Rate", StringComparison.Ordinal);
    }

    public static FoundSample? Read(string text, Repairs repairs)
    {
        var lines = text.Split('\n');
        var spelt = false;
        var head = new List<(string Key, string Value)>();
        var at = ReadHead(lines, head, ref spelt);
        var voltages = ReadVoltages(lines.AsSpan(at), ref spelt);
        var date = head.Select(h => DateTimeOffset.TryParseExact(h.Value, "yyyy-MM-dd HH:mm:ss zzz", CultureInfo.InvariantCulture, DateTimeStyles.None, out var d) ? d : (DateTimeOffset?)null).FirstOrDefault(d => d is not null);
        var rate = head.Select(h => RateOf(h.Value)).FirstOrDefault(r => r is not null);
        if (date is null || rate is null || voltages is null)
        {
            repairs[Repair.UnreadableEcg]++;
            return null;
        }

        repairs[Repair.EcgSpelling] += spelt || head.Exists(h => RateOf(h.Value) is not null && (h.Value.Contains(',', StringComparison.Ordinal) || h.Value.Contains('\u00a0', StringComparison.Ordinal))) ? 1 : 0;
        var dateAt = head.FindIndex(h => DateTimeOffset.TryParseExact(h.Value, "yyyy-MM-dd HH:mm:ss zzz", CultureInfo.InvariantCulture, DateTimeStyles.None, out _));
        var classification = dateAt + 1 < head.Count ? head[dateAt + 1].Value : "";
        var hardware = head.Select(h => h.Value).FirstOrDefault(v => v.StartsWith("Watch", StringComparison.Ordinal));
        return Make(date.Value, rate.Value, classification, hardware, voltages);
    }

    private static FoundSample Make(DateTimeOffset date, double rate, string classification, string? hardware, float[] voltages)
    {
        var origin = new HealthOrigin { Source = "ECG", Device = hardware is null ? null : new HealthDevice { Hardware = hardware } };
        var start = date.ToUnixTimeMilliseconds();
        var end = start + (long)(voltages.Length * 1000 / rate);
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(voltages.AsSpan());
        var verdict = Array.Find(Verdicts, v => classification.Contains(v.Part, StringComparison.OrdinalIgnoreCase)).Verdict ?? "Other";
        var series = HealthIdentity.Series(HealthKind.Ecg, HealthTypes.Ecg, null, origin);
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = HealthSampleJson.CreateWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("classification", classification);
            json.WriteNumber("sampleRate", rate);
            json.WriteNumber("voltages", voltages.Length);
            json.WriteString("unit", "µV");

            // 32-bit floats, little endian: 61 KB where the text has 130.
            json.WriteString("sha256", Convert.ToHexStringLower(SHA256.HashData(bytes)));
            json.WriteBase64String("waveform", bytes);
            json.WriteEndObject();
        }

        return new FoundSample(
            new HealthSample
            {
                Id = HealthIdentity.Of(series, start, 0, voltages.Length, 0),
                Kind = HealthKind.Ecg,
                Type = HealthTypes.Ecg,
                StartMs = start,
                EndMs = end,
                Category = verdict,
                Origin = origin,
                Extra = new RawJson(buffer.WrittenSpan.ToArray()),
            },
            IsNested: false);
    }

    /// <returns>Where the voltages begin.</returns>
    private static int ReadHead(string[] lines, List<(string Key, string Value)> head, ref bool spelt)
    {
        for (var i = 0; i < Math.Min(lines.Length, HeadLinesMax); i++)
        {
            var line = lines[i].TrimEnd('\r');
            if (line.Length == 0)
            {
                continue;
            }

            if (Voltage(line) is not null)
            {
                return i;
            }

            var comma = line.IndexOf(',', StringComparison.Ordinal);
            spelt |= comma < 0;
            head.Add(comma < 0 ? (line, "") : (line[..comma], line[(comma + 1)..].Trim().Trim('"')));
        }

        return lines.Length;
    }

    private static float[]? ReadVoltages(ReadOnlySpan<string> lines, ref bool spelt)
    {
        var voltages = new List<float>(16_384);
        foreach (var raw in lines)
        {
            var line = raw.AsSpan().Trim();
            if (line.IsEmpty)
            {
                continue;
            }

            if (Voltage(line) is not { } value)
            {
                return null;
            }

            spelt |= line.Contains(',');
            voltages.Add((float)value);
        }

        return voltages.Count >= VoltagesMin ? [.. voltages] : null;
    }

    // A comma or a point, never both: 1.234,5 could be either.
    private static double? Voltage(ReadOnlySpan<char> text)
    {
        text = text.Trim();
        if (text.IsEmpty || text.Count(',') + text.Count('.') > 1)
        {
            return null;
        }

        Span<char> plain = stackalloc char[32];
        if (text.Length > plain.Length)
        {
            return null;
        }

        text.Replace(plain, ',', '.');
        return double.TryParse(plain[..text.Length], NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) ? value : null;
    }

    // 512 hertz, 511,422 hertz, 511,562(no-break space)Hertz
    private static double? RateOf(string value)
    {
        var at = value.IndexOf("hertz", StringComparison.OrdinalIgnoreCase);
        return at > 0 && Voltage(value[..at].Replace('\u00a0', ' ')) is { } rate and > 1 and < 10_000 ? rate : null;
    }
}
