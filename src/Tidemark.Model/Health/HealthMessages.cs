using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tidemark.Model.Health;

/// <summary>What became of one sample or delete of a batch.</summary>
public enum HealthVerdict
{
    /// <summary>It is what the server holds now.</summary>
    Applied,

    /// <summary>The server had it already, from this device or another one.</summary>
    Duplicate,

    /// <summary>The server has a higher version, or knows that it was deleted.</summary>
    Stale,

    /// <summary>It cannot be stored; the reason stands beside it.</summary>
    Rejected,
}

/// <summary>One sample or delete that the server cannot store.</summary>
public sealed record HealthRejection
{
    /// <summary>Its place: samples first, then deletes, both in the order of the request.</summary>
    public required int Index { get; init; }

    public Guid? Id { get; init; }

    /// <summary>VALIDATION_FAILED or TOO_LARGE.</summary>
    public required string Code { get; init; }

    public required string Message { get; init; }
}

/// <summary>The answer to POST /health/samples:batchUpsert.</summary>
public sealed record HealthBatchResponse
{
    public string? SyncOperationId { get; init; }

    /// <summary>One for each sample and then for each delete, in the order of the request.</summary>
    public required IReadOnlyList<HealthVerdict> Verdicts { get; init; }

    public IReadOnlyList<HealthRejection> Rejected { get; init; } = [];
}

/// <summary>GET /health/samples: one page of what the server holds, in order of start and id.</summary>
public sealed record HealthPage
{
    public required IReadOnlyList<JsonElement> Samples { get; init; }

    /// <summary>Ask for it to go on; absent on the last page.</summary>
    public string? Next { get; init; }
}

/// <summary>What the server holds of one type.</summary>
public sealed record HealthTypeState
{
    public required string Type { get; init; }

    public required long Samples { get; init; }

    /// <summary>Deleted samples that are remembered.</summary>
    public required long Deleted { get; init; }

    /// <summary>The earliest start; absent without samples.</summary>
    public DateTimeOffset? First { get; init; }

    /// <summary>The latest end.</summary>
    public DateTimeOffset? Last { get; init; }

    /// <summary>When the last one came.</summary>
    public DateTimeOffset? ReceivedAt { get; init; }
}

/// <summary>GET /health/completeness.</summary>
public sealed record HealthCompleteness(IReadOnlyList<HealthTypeState> Types);

/// <summary>The samples of one type that start on one UTC day.</summary>
/// <param name="Day">The day, UTC, as 2026-01-31.</param>
/// <param name="Samples">How many there are.</param>
/// <param name="Digest">See <see cref="HealthDigest"/>; 64 lower-case hex digits.</param>
public sealed record HealthDayDigest(string Day, long Samples, string Digest);

/// <summary>GET /health/digests: days without samples are left out.</summary>
public sealed record HealthDigests(string Type, IReadOnlyList<HealthDayDigest> Days);

/// <summary>One day of one type, derived when it is asked for.</summary>
public sealed record HealthDayAggregate
{
    /// <summary>The day in the zone that was asked for.</summary>
    public required string Day { get; init; }

    public required long Samples { get; init; }

    /// <summary>Of types that add up: with every moment counted once, from the source that ranks first. Of durations: seconds.</summary>
    public double? Sum { get; init; }

    public double? Least { get; init; }

    public double? Mean { get; init; }

    public double? Most { get; init; }

    /// <summary>What each source alone would say.</summary>
    public IReadOnlyDictionary<string, double>? Sources { get; init; }

    /// <summary>Samples of this day may still come: the lag of the type is not over.</summary>
    public bool Provisional { get; init; }
}

/// <summary>GET /health/aggregates.</summary>
public sealed record HealthAggregates(string Type, string? Unit, IReadOnlyList<HealthDayAggregate> Days);

/// <summary>The set of samples of a day as one number: the sum modulo 2^256 of SHA-256 over id and version.</summary>
public static class HealthDigest
{
    public const long DayMs = 86_400_000;

    public static void Add(ref Values.SetDigest digest, Guid id, long version)
    {
        Span<byte> text = stackalloc byte[24];
        id.TryWriteBytes(text, bigEndian: true, out _);
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(text[16..], version);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        ShortSha256.HashData(text, hash);
        digest.Add(hash);
    }

    /// <summary>The UTC day that an instant lies in, counted from 1970.</summary>
    public static long DayOf(long ms) => Math.DivRem(ms, DayMs) is var (day, rest) && rest < 0 ? day - 1 : day;

    /// <summary>A day as text: 2026-01-31.</summary>
    public static string DayText(long day) => DateOnly.FromDayNumber((int)(day + DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber)).ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>The name of a batch: lower hex SHA-256 over its ids with versions, in ordinal order, joined by LF. The same samples have the same name whatever their order.</summary>
    public static string OperationId(IEnumerable<(Guid Id, long Version)> items)
    {
        var lines = items.Select(i => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{i.Id:d}:{i.Version}")).Order(StringComparer.Ordinal);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', lines))));
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = false,
    Converters = [typeof(VerdictConverter)],
    MaxDepth = 64)]
[JsonSerializable(typeof(HealthBatchResponse))]
[JsonSerializable(typeof(HealthPage))]
[JsonSerializable(typeof(HealthCompleteness))]
[JsonSerializable(typeof(HealthDigests))]
[JsonSerializable(typeof(HealthAggregates))]
[JsonSerializable(typeof(HealthOrigin))]
public sealed partial class HealthJson : JsonSerializerContext;

/// <summary>Verdicts travel in lower case.</summary>
internal sealed class VerdictConverter() : JsonStringEnumConverter<HealthVerdict>(JsonNamingPolicy.CamelCase, allowIntegerValues: false);
