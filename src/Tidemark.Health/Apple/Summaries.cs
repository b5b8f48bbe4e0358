using System.Buffers;
using System.Globalization;
using System.Text;
using Tidemark.Health.Apple.Xml;
using Tidemark.Health.Importing;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;

namespace Tidemark.Health.Apple;

/// <summary>The rings of a day: one sample per date, whose figures may change until the day is old.</summary>
internal static class Summaries
{
    private const string Energy = "activeEnergyBurned";
    private static readonly HealthOrigin Rings = new() { Source = "Activity" };
    private static readonly byte[] Series = HealthIdentity.Series(HealthKind.ActivitySummary, HealthTypes.ActivitySummary, null, Rings);

    public static FoundSample? Read(Tag tag, ReadOnlySpan<byte> data, Repairs repairs)
    {
        var date = XmlText.Decode(tag.Find(data, "dateComponents"u8).Of(data), out _);
        if (!DateOnly.TryParseExact(date, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) || day.Year < 1970)
        {
            repairs[Repair.UnreadableDate]++;
            return null;
        }

        var start = new DateTimeOffset(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero).ToUnixTimeMilliseconds();
        var (value, extra) = Figures(tag, data);
        return new FoundSample(
            new HealthSample
            {
                Id = HealthIdentity.Of(Series, start, start + HealthDigest.DayMs, 0, 0),
                Kind = HealthKind.ActivitySummary,
                Type = HealthTypes.ActivitySummary,
                StartMs = start,
                EndMs = start + HealthDigest.DayMs,
                Value = value,
                Unit = value is null ? null : "kcal",
                Origin = Rings,
                Extra = extra,
            },
            IsNested: false)
        { IsSwitchable = true };
    }

    // Energies in kcal, whatever the user has chosen; minutes and hours as they are.
    private static (double? Burned, RawJson Extra) Figures(Tag tag, ReadOnlySpan<byte> data)
    {
        var unit = HealthUnit.Find(XmlText.Decode(tag.Find(data, "activeEnergyBurnedUnit"u8).Of(data), out _));
        var kcal = HealthUnit.Find("kcal")!.Value;
        double? burned = null;
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = HealthSampleJson.CreateWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartArray("attributes");
            foreach (var (key, raw) in tag.All)
            {
                var name = Encoding.UTF8.GetString(key.Of(data));
                var text = XmlText.Decode(raw.Of(data), out _);
                if (name is "dateComponents" or "activeEnergyBurnedUnit")
                {
                    continue;
                }

                if (name.StartsWith(Energy, StringComparison.Ordinal) && unit is { } from && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var energy))
                {
                    energy = from.To(kcal, energy);
                    burned = name == Energy ? energy : burned;
                    text = energy.ToString("R", CultureInfo.InvariantCulture);
                    if (name == Energy)
                    {
                        continue;
                    }
                }

                json.WriteStartArray();
                json.WriteStringValue(name);
                json.WriteStringValue(text);
                json.WriteEndArray();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return (burned, new RawJson(buffer.WrittenSpan.ToArray()));
    }
}
