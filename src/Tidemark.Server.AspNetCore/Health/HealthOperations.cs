using System.Text.Json;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.OpenApi;

namespace Tidemark.Server.AspNetCore.Health;

/// <summary>What the document says of health data.</summary>
internal static class HealthOperations
{
    private const string Tag = "health data";

    public static WireOperation Upsert { get; } = new(
        "upsertHealthSamples",
        Tag,
        "Stores and deletes samples, each with a verdict of its own.",
        "May be repeated at any time, by any device of the user: a sample is stored once. One that cannot be stored is rejected with a reason and refuses none of the others. The same id with a higher version replaces; with a lower one it is stale, with the same one a duplicate. "
        + "A deleted sample stays deleted until a higher version comes. A batch of more than leaseSamples items (GET /sync/model) carries Tidemark-Lease with the id of a lease (work: health_ingest).",
        ErrorCodes.BadRequest,
        ErrorCodes.LeaseDenied,
        ErrorCodes.LeaseLost,
        ErrorCodes.TooLarge);

    public static WireOperation Samples { get; } = new(
        "getHealthSamples", Tag, "One page of samples of a type, in order of start and id.", "type; from and to (UTC; a day or a time); after: next of the page before; limit: at most 5000, 500 when absent.", ErrorCodes.BadRequest);

    public static WireOperation Aggregates { get; } = new(
        "getHealthAggregates",
        Tag,
        "One figure a day.",
        "type, from, to; zone: an IANA zone whose days are meant, UTC when absent; sources: names joined by commas, the first is believed first where several measured the same time. Derived from the samples each time; a day whose late samples may still come is provisional.",
        ErrorCodes.BadRequest);

    public static WireOperation Digests { get; } = new(
        "getHealthDigests", Tag, "Number and digest of the samples of every UTC day.", "type, from, to. The digest is the sum modulo 2^256 of SHA-256 over id (16 bytes) and version (8 bytes, big endian): two sides with the same digest hold the same samples.", ErrorCodes.BadRequest);

    public static WireOperation Completeness { get; } = new(
        "getHealthCompleteness", Tag, "What is there of every type.", "Samples, remembered deletions, first start, last end, and when the last one came.", ErrorCodes.BadRequest);
}

/// <summary>A batch of samples and deletes, at most 5000 together.</summary>
internal sealed record HealthBatchShape
{
    /// <summary>Which device sends.</summary>
    public required string DeviceId { get; init; }

    /// <summary>Names the batch in the answer: SHA-256 over its ids with versions.</summary>
    public string? SyncOperationId { get; init; }

    /// <summary>Samples; docs/guides/health.md has their members.</summary>
    public IReadOnlyList<JsonElement>? Samples { get; init; }

    /// <summary>Samples that their source has no more.</summary>
    public IReadOnlyList<HealthDelete>? Deletes { get; init; }
}
