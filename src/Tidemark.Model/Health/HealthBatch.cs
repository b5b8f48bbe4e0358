using System.Text.Json;
using Tidemark.Model.Protocol;

namespace Tidemark.Model.Health;

/// <summary>
/// The body of POST /health/samples:batchUpsert, read so that one bad sample never refuses the others: { deviceId, syncOperationId?, samples: [...], deletes: [{ id, type, version }] }.
/// </summary>
public sealed class HealthBatch
{
    private HealthBatch(string deviceId, string? syncOperationId, IReadOnlyList<HealthSample?> samples, IReadOnlyList<HealthDelete?> deletes, IReadOnlyList<HealthRejection> rejected)
    {
        DeviceId = deviceId;
        SyncOperationId = syncOperationId;
        Samples = samples;
        Deletes = deletes;
        Rejected = rejected;
    }

    public string DeviceId { get; }

    public string? SyncOperationId { get; }

    /// <summary>Null where the sample was refused.</summary>
    public IReadOnlyList<HealthSample?> Samples { get; }

    /// <summary>Null where the delete was refused.</summary>
    public IReadOnlyList<HealthDelete?> Deletes { get; }

    public IReadOnlyList<HealthRejection> Rejected { get; }

    /// <exception cref="WireFormatException">The envelope is not of its form.</exception>
    public static HealthBatch Read(ReadOnlySpan<byte> utf8, int itemsMax)
    {
        string? device = null;
        string? operation = null;
        var samples = new List<HealthSample?>();
        var deletes = new List<HealthDelete?>();
        var rejected = new List<HealthRejection>();
        var origins = new HealthOrigins();
        var reader = new Utf8JsonReader(utf8);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw Fault("The body must be an object.");
        }

        // Deletes count after samples wherever they stand, so they are read when all samples are.
        var deletesAt = -1;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("deviceId"u8))
            {
                device = Text(ref reader);
            }
            else if (reader.ValueTextEquals("syncOperationId"u8))
            {
                operation = Text(ref reader);
            }
            else if (reader.ValueTextEquals("samples"u8))
            {
                ReadSamples(ref reader, utf8, itemsMax, origins, samples, rejected);
            }
            else if (reader.ValueTextEquals("deletes"u8))
            {
                reader.Read();
                deletesAt = (int)reader.TokenStartIndex;
                reader.Skip();
            }
            else
            {
                reader.Skip();
            }
        }

        if (deletesAt >= 0)
        {
            ReadDeletes(utf8[deletesAt..], itemsMax, samples.Count, deletes, rejected);
        }

        return device is { Length: > 0 and <= 200 }
            ? new HealthBatch(device, operation, samples, deletes, rejected)
            : throw Fault("deviceId must have 1 to 200 characters.");
    }

    private static void ReadSamples(ref Utf8JsonReader reader, ReadOnlySpan<byte> utf8, int itemsMax, HealthOrigins origins, List<HealthSample?> samples, List<HealthRejection> rejected)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
        {
            throw Fault("samples must be an array.");
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            CheckCount(samples.Count, itemsMax);
            try
            {
                samples.Add(HealthSampleJson.Parse(utf8[start..(int)reader.BytesConsumed], origins));
            }
            catch (WireFormatException e)
            {
                rejected.Add(new HealthRejection { Index = samples.Count, Id = IdIn(utf8[start..(int)reader.BytesConsumed]), Code = e.Code, Message = e.Message });
                samples.Add(null);
            }
        }
    }

    private static void ReadDeletes(ReadOnlySpan<byte> utf8, int itemsMax, int before, List<HealthDelete?> deletes, List<HealthRejection> rejected)
    {
        var reader = new Utf8JsonReader(utf8);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
        {
            throw Fault("deletes must be an array.");
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            CheckCount(before + deletes.Count, itemsMax);
            if (DeleteIn(utf8[start..(int)reader.BytesConsumed]) is { } delete)
            {
                deletes.Add(delete);
                continue;
            }

            rejected.Add(new HealthRejection { Index = before + deletes.Count, Code = ErrorCodes.ValidationFailed, Message = "A delete needs an id (UUID) and a type; its version is not below 0." });
            deletes.Add(null);
        }
    }

    private static HealthDelete? DeleteIn(ReadOnlySpan<byte> utf8)
    {
        using var json = JsonDocument.Parse(utf8.ToArray());
        var item = json.RootElement;
        if (item.ValueKind != JsonValueKind.Object
            || !item.TryGetProperty("id", out var id) || id.ValueKind != JsonValueKind.String || !id.TryGetGuid(out var guid)
            || !item.TryGetProperty("type", out var type) || type.ValueKind != JsonValueKind.String)
        {
            return null;
        }

        try
        {
            var name = type.GetString()!;
            var version = item.TryGetProperty("version", out var v) && v.ValueKind == JsonValueKind.Number && v.TryGetInt64(out var number) ? number : 0;
            return name.Length is > 0 and <= HealthLimits.TypeLengthMax && !name.Contains('\0', StringComparison.Ordinal) && version >= 0 ? new HealthDelete(guid, name, version) : null;
        }
        catch (InvalidOperationException)
        {
            return null; // Half of a surrogate pair.
        }
    }

    // For the report alone: what is refused is named when it has a name.
    private static Guid? IdIn(ReadOnlySpan<byte> utf8)
    {
        try
        {
            var reader = new Utf8JsonReader(utf8);
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1 && reader.ValueTextEquals("id"u8))
                {
                    return reader.Read() && reader.TokenType == JsonTokenType.String && reader.TryGetGuid(out var id) ? id : null;
                }
            }
        }
        catch (JsonException)
        {
            return null;
        }

        return null;
    }

    private static string? Text(ref Utf8JsonReader reader) =>
        reader.Read() && reader.TokenType == JsonTokenType.String ? reader.GetString() : reader.TokenType == JsonTokenType.Null ? null : throw Fault("deviceId and syncOperationId are text.");

    private static void CheckCount(int count, int itemsMax)
    {
        if (count >= itemsMax)
        {
            throw new WireFormatException(ErrorCodes.TooLarge, $"A batch has at most {itemsMax} samples and deletes.");
        }
    }

    private static WireFormatException Fault(string message) => new(ErrorCodes.BadRequest, message);
}
