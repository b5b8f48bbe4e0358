using System.Buffers;
using System.Globalization;
using Tidemark.Health.Importing;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Health.HealthConnect;

/// <summary>One record: what all have, and the values of its own columns.</summary>
internal sealed class ConnectRecord
{
    /// <summary>What Health Connect writes where there is no number, on some versions; no measurement is as small.</summary>
    private const double NoNumber = 1e-30;
    private const int AttributeLengthMax = 16_000;

    public required Guid Id { get; init; }

    public required long Row { get; init; }

    public required long StartMs { get; init; }

    public required long EndMs { get; init; }

    /// <summary>When it was last written: its version, too. An app may write a record as often as it likes.</summary>
    public required long ModifiedMs { get; init; }

    public required HealthOrigin Origin { get; init; }

    /// <summary>Its offset from UTC, who recorded it, the app's name for it.</summary>
    public required IReadOnlyList<(string Name, string Value)> Heading { get; init; }

    public required IReadOnlyList<(string Name, Value Value)> Own { get; init; }

    /// <returns>Null: there is none.</returns>
    public double? Number(string column)
    {
        foreach (var (name, value) in Own)
        {
            if (string.Equals(name, column, StringComparison.OrdinalIgnoreCase))
            {
                return NumberOf(value);
            }
        }

        return null;
    }

    public static double? NumberOf(Value value) => value.Kind switch
    {
        ValueKind.Integer => value.AsInteger,
        ValueKind.Real when double.IsFinite(value.AsReal) && (value.AsReal == 0 || Math.Abs(value.AsReal) > NoNumber) => value.AsReal,
        ValueKind.Text when long.TryParse(value.AsText, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
        _ => null,
    };

    /// <summary>The record itself as a sample: its id is the one that Health Connect gave it.</summary>
    public FoundSample Sample(HealthKind kind, string type, double? value = null, string? unit = null, string? category = null, RawJson? extra = null) => new(
        new HealthSample
        {
            Id = Id,
            Version = ModifiedMs,
            Kind = kind,
            Type = type,
            StartMs = StartMs,
            EndMs = EndMs,
            Value = value,
            Unit = unit,
            Category = category,
            CreatedMs = ModifiedMs,
            Origin = Origin,
            Extra = extra,
        },
        IsNested: false);

    /// <summary>A part of the record as a sample of its own: it has no id there, so what it is makes one.</summary>
    /// <param name="sample">With the record's id, which is not used.</param>
    /// <param name="identityValue">0 for a part that there is one of: then it changes with the record's version.</param>
    public FoundSample Part(HealthSample sample, long identityValue)
    {
        var series = HealthIdentity.SeriesOf(Id, sample.Type);
        return new FoundSample(
            new HealthSample
            {
                Id = HealthIdentity.Of(series, sample.StartMs, sample.EndMs, identityValue, 0),
                Version = sample.Version,
                Kind = sample.Kind,
                Type = sample.Type,
                StartMs = sample.StartMs,
                EndMs = sample.EndMs,
                Value = sample.Value,
                Unit = sample.Unit,
                Category = sample.Category,
                CreatedMs = ModifiedMs,
                Origin = Origin,
                Extra = sample.Extra,
            },
            IsNested: false) { Series = series, IdentityValue = identityValue };
    }

    /// <summary>What of it became no value, as JSON.</summary>
    /// <param name="used">Columns that did.</param>
    /// <param name="children">Ids of its parts.</param>
    /// <param name="parts">What belongs to it and is no sample.</param>
    public RawJson? Extra(IReadOnlyCollection<string> used, IReadOnlyList<Guid>? children = null, IReadOnlyList<ExtraPart>? parts = null)
    {
        var attributes = new List<(string, string)>(Heading);
        foreach (var (name, value) in Own)
        {
            if (!used.Contains(name, StringComparer.OrdinalIgnoreCase) && TextOf(value) is { } text)
            {
                attributes.Add((name, text));
            }
        }

        if (attributes.Count == 0 && children is null && parts is null)
        {
            return null;
        }

        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = HealthSampleJson.CreateWriter(buffer))
        {
            json.WriteStartObject();
            ExtraJson.WritePairs(json, "attributes", attributes);
            ExtraJson.WriteChildren(json, children ?? []);
            ExtraJson.WriteParts(json, parts ?? []);
            json.WriteEndObject();
        }

        return new RawJson(buffer.WrittenSpan.ToArray());
    }

    /// <returns>Null where nothing was said: empty, zero, or the number that stands for none.</returns>
    public static string? TextOf(Value value) => value.Kind switch
    {
        ValueKind.Integer when value.AsInteger != 0 => value.AsInteger.ToString(CultureInfo.InvariantCulture),
        ValueKind.Real when NumberOf(value) is { } number and not 0 => number.ToString("R", CultureInfo.InvariantCulture),
        ValueKind.Text when value.AsText is { Length: > 0 } text and not "0" => text[..Math.Min(text.Length, AttributeLengthMax)],
        ValueKind.Blob when value.AsBlob is { Length: > 0 and <= 1024 } bytes => Convert.ToHexStringLower(bytes),
        _ => null,
    };
}
