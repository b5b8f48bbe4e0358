using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Tidemark.Model.Protocol;

namespace Tidemark.Model.Health;

/// <summary>A sample as JSON on the wire.</summary>
public static class HealthSampleJson
{
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.FFF'Z'";

    /// <summary>The last moment that the wire can name.</summary>
    private const long MsMax = 253_402_300_799_999;
    private const long MsMin = -62_135_596_800_000;
    private static readonly string[] KindNames = [.. Enum.GetNames<HealthKind>().Select(JsonNamingPolicy.CamelCase.ConvertName)];
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public static string NameOf(HealthKind kind) => KindNames[(int)kind];

    /// <summary>A writer that writes as the wire does.</summary>
    public static Utf8JsonWriter CreateWriter(IBufferWriter<byte> output) => new(output, WriterOptions);

    public static void Write(Utf8JsonWriter json, HealthSample sample)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(sample);
        json.WriteStartObject();
        json.WriteString("id"u8, sample.Id);
        if (sample.Version != 0)
        {
            json.WriteNumber("version"u8, sample.Version);
        }

        json.WriteString("kind"u8, KindNames[(int)sample.Kind]);
        json.WriteString("type"u8, sample.Type);
        WriteTime(json, "start"u8, sample.StartMs);
        WriteTime(json, "end"u8, sample.EndMs);
        if (sample.Value is { } value)
        {
            json.WriteNumber("value"u8, value);
        }

        Optional(json, "unit"u8, sample.Unit);
        Optional(json, "category"u8, sample.Category);
        Optional(json, "zone"u8, sample.Zone);
        if (sample.CreatedMs is { } created)
        {
            WriteTime(json, "created"u8, created);
        }

        json.WritePropertyName("origin"u8);
        WriteOrigin(json, sample.Origin);
        if (sample.Extra is { } extra)
        {
            json.WritePropertyName("extra"u8);
            json.WriteRawValue(extra.Utf8.Span, skipInputValidation: true);
        }

        json.WriteEndObject();
    }

    public static void WriteOrigin(Utf8JsonWriter json, HealthOrigin origin)
    {
        json.WriteStartObject();
        json.WriteString("source"u8, origin.Source);
        Optional(json, "version"u8, origin.Version);
        Optional(json, "bundle"u8, origin.Bundle);
        if (origin.Device is { } device)
        {
            json.WriteStartObject("device"u8);
            Optional(json, "name"u8, device.Name);
            Optional(json, "manufacturer"u8, device.Manufacturer);
            Optional(json, "model"u8, device.Model);
            Optional(json, "hardware"u8, device.Hardware);
            Optional(json, "software"u8, device.Software);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    /// <summary>The origin as text that is the same for equal origins.</summary>
    public static string ToText(HealthOrigin origin)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = CreateWriter(buffer))
        {
            WriteOrigin(json, origin);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    public static HealthOrigin ParseOrigin(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8);
        return JsonSerializer.Deserialize(ref reader, HealthJson.Default.HealthOrigin) ?? throw new WireFormatException(ErrorCodes.ValidationFailed, "An origin is null.");
    }

    /// <summary>One sample, checked: what it needs is there, its times are in order, its number is a number.</summary>
    /// <param name="utf8">One JSON object.</param>
    /// <param name="origins">Origins seen before, so that equal ones are one object; null: none.</param>
    /// <exception cref="WireFormatException">With the field and what is wrong with it.</exception>
    public static HealthSample Parse(ReadOnlySpan<byte> utf8, HealthOrigins? origins = null)
    {
        try
        {
            var draft = default(Draft);
            var reader = new Utf8JsonReader(utf8);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw Fault("sample", "must be an object");
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                ReadMember(ref reader, ref draft, utf8, origins);
            }

            return draft.Check();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new WireFormatException(ErrorCodes.ValidationFailed, "The sample is not of its form: " + e.Message);
        }
    }

    private static void ReadMember(ref Utf8JsonReader reader, ref Draft draft, ReadOnlySpan<byte> utf8, HealthOrigins? origins)
    {
        if (reader.ValueTextEquals("id"u8))
        {
            draft.Id = Next(ref reader).TryGetGuid(out var id) ? id : throw Fault("id", "must be a UUID");
        }
        else if (reader.ValueTextEquals("version"u8))
        {
            draft.Version = Next(ref reader).TryGetInt64(out var version) && version >= 0 ? version : throw Fault("version", "must be a whole number from 0 on");
        }
        else if (reader.ValueTextEquals("kind"u8))
        {
            var kind = Array.IndexOf(KindNames, Text(ref reader, "kind", 32));
            draft.Kind = kind >= 0 ? (HealthKind)kind : throw Fault("kind", "is not known");
        }
        else if (reader.ValueTextEquals("type"u8))
        {
            draft.Type = Text(ref reader, "type", HealthLimits.TypeLengthMax);
        }
        else if (reader.ValueTextEquals("start"u8))
        {
            draft.StartMs = Time(ref reader, "start");
        }
        else if (reader.ValueTextEquals("end"u8))
        {
            draft.EndMs = Time(ref reader, "end");
        }
        else if (reader.ValueTextEquals("value"u8))
        {
            draft.Value = Next(ref reader).TokenType == JsonTokenType.Number && reader.TryGetDouble(out var value) && double.IsFinite(value) ? value : throw Fault("value", "must be a finite number");
        }
        else
        {
            ReadRest(ref reader, ref draft, utf8, origins);
        }
    }

    private static void ReadRest(ref Utf8JsonReader reader, ref Draft draft, ReadOnlySpan<byte> utf8, HealthOrigins? origins)
    {
        if (reader.ValueTextEquals("unit"u8))
        {
            draft.Unit = Text(ref reader, "unit", HealthLimits.TextLengthMax);
        }
        else if (reader.ValueTextEquals("category"u8))
        {
            draft.Category = Text(ref reader, "category", HealthLimits.TextLengthMax);
        }
        else if (reader.ValueTextEquals("zone"u8))
        {
            draft.Zone = Text(ref reader, "zone", HealthLimits.TextLengthMax);
        }
        else if (reader.ValueTextEquals("created"u8))
        {
            draft.CreatedMs = Time(ref reader, "created");
        }
        else if (reader.ValueTextEquals("origin"u8))
        {
            var json = Object(ref reader, utf8, "origin", HealthLimits.OriginBytesMax);
            draft.Origin = origins is null ? ParseOrigin(json) : origins.Of(json);
        }
        else if (reader.ValueTextEquals("extra"u8))
        {
            draft.Extra = new RawJson(Object(ref reader, utf8, "extra", HealthLimits.ExtraBytesMax).ToArray());
        }
        else
        {
            throw Fault(reader.GetString()!, "is not known");
        }
    }

    private static ref Utf8JsonReader Next(ref Utf8JsonReader reader)
    {
        reader.Read();
        return ref reader;
    }

    private static string Text(ref Utf8JsonReader reader, string field, int lengthMax)
    {
        var text = Next(ref reader).TokenType == JsonTokenType.String ? reader.GetString()! : throw Fault(field, "must be text");
        return text.Length is > 0 && text.Length <= lengthMax && !text.Contains('\0', StringComparison.Ordinal) ? text : throw Fault(field, $"must have 1 to {lengthMax} characters and no NUL");
    }

    private static long Time(ref Utf8JsonReader reader, string field) =>
        Next(ref reader).TokenType == JsonTokenType.String && reader.TryGetDateTimeOffset(out var time)
            ? time.ToUnixTimeMilliseconds()
            : throw Fault(field, "must be a time in ISO 8601 with its offset");

    private static ReadOnlySpan<byte> Object(ref Utf8JsonReader reader, ReadOnlySpan<byte> utf8, string field, int bytesMax)
    {
        if (Next(ref reader).TokenType != JsonTokenType.StartObject)
        {
            throw Fault(field, "must be an object");
        }

        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        var json = utf8[start..(int)reader.BytesConsumed];
        return json.Length <= bytesMax ? json : throw new WireFormatException(ErrorCodes.TooLarge, $"{field} has more than {bytesMax} bytes", field);
    }

    private static void WriteTime(Utf8JsonWriter json, ReadOnlySpan<byte> name, long ms)
    {
        Span<byte> text = stackalloc byte[32];
        _ = DateTime.UnixEpoch.AddMilliseconds(Math.Clamp(ms, MsMin, MsMax)).TryFormat(text, out var length, TimeFormat, CultureInfo.InvariantCulture);
        json.WriteString(name, text[..length]);
    }

    private static void Optional(Utf8JsonWriter json, ReadOnlySpan<byte> name, string? text)
    {
        if (text is not null)
        {
            json.WriteString(name, text);
        }
    }

    private static WireFormatException Fault(string field, string what) => new(ErrorCodes.ValidationFailed, $"{field} {what}.", field);

    private struct Draft
    {
        public Guid? Id;
        public long Version;
        public HealthKind? Kind;
        public string? Type;
        public long? StartMs;
        public long? EndMs;
        public double? Value;
        public string? Unit;
        public string? Category;
        public string? Zone;
        public long? CreatedMs;
        public HealthOrigin? Origin;
        public RawJson? Extra;

        public readonly HealthSample Check()
        {
            var start = StartMs ?? throw Fault("start", "is missing");
            var kind = Kind ?? throw Fault("kind", "is missing");
            if (EndMs is { } end && end < start)
            {
                throw Fault("end", "is before the start");
            }

            if (kind == HealthKind.Quantity && (Value is null || Unit is null))
            {
                throw Fault(Value is null ? "value" : "unit", "is missing; a quantity has both");
            }

            return new HealthSample
            {
                Id = Id ?? throw Fault("id", "is missing"),
                Version = Version,
                Kind = kind,
                Type = Type ?? throw Fault("type", "is missing"),
                StartMs = start,
                EndMs = EndMs ?? throw Fault("end", "is missing"),
                Value = Value,
                Unit = Unit,
                Category = Category,
                Zone = Zone,
                CreatedMs = CreatedMs,
                Origin = Origin is { Source.Length: > 0 } ? Origin : throw Fault("origin", "is missing, or has no source"),
                Extra = Extra,
            };
        }
    }
}

/// <summary>What a sample may not exceed.</summary>
public static class HealthLimits
{
    public const int TypeLengthMax = 120;
    public const int TextLengthMax = 400;
    public const int OriginBytesMax = 4096;
    public const int ExtraBytesMax = 256 * 1024;

    /// <summary>Samples and deletes of one batch.</summary>
    public const int BatchItemsMax = 5000;

    /// <summary>A batch of no more items than this needs no lease, whatever the server.</summary>
    public const int BatchItemsFree = 100;
}

/// <summary>Origins by their JSON: the samples of a batch have few. Not for two threads at once.</summary>
public sealed class HealthOrigins
{
    private const int KeptMax = 10_000;
    private readonly Dictionary<string, HealthOrigin> _known = new(StringComparer.Ordinal);

    public HealthOrigin Of(ReadOnlySpan<byte> utf8)
    {
        var text = Encoding.UTF8.GetString(utf8);
        if (!_known.TryGetValue(text, out var origin))
        {
            if (_known.Count >= KeptMax)
            {
                _known.Clear();
            }

            _known[text] = origin = HealthSampleJson.ParseOrigin(utf8);
        }

        return origin;
    }
}
