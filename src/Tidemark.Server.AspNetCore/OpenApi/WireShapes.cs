using Tidemark.Model.Protocol;

namespace Tidemark.Server.AspNetCore.OpenApi;

/// <summary>One command of a push. Gets exactly one verdict; the same id with other bytes is IDEMPOTENCY_MISMATCH.</summary>
internal sealed record CommandShape
{
    /// <summary>Made by the device, once: a UUID, best of version 7.</summary>
    public required Guid Id { get; init; }

    /// <summary>A type of the model.</summary>
    public required string EntityType { get; init; }

    /// <summary>CREATE, UPDATE, DELETE, REKEY (a key change) or OFFER (a row that a restored server may have lost).</summary>
    public required string Operation { get; init; }

    /// <summary>The key as the device knows it.</summary>
    public required RawJson EntityId { get; init; }

    /// <summary>The new key of a REKEY; of a DELETE the row it was merged into, to which what refers to the deleted row is moved.</summary>
    public RawJson? NewEntityId { get; init; }

    /// <summary>The row version the edit was made on. UPDATE and DELETE need it, or after. With a CREATE: 0 for a row that was there before it was first synced, or the version of the tombstone that is restored.</summary>
    public long? BaseVersion { get; init; }

    /// <summary>Instead of baseVersion: the command of the same push that this one follows on the same row.</summary>
    public Guid? After { get; init; }

    /// <summary>CREATE and OFFER: the row. UPDATE and REKEY: the changed fields. DELETE: absent.</summary>
    public RawJson? Payload { get; init; }

    /// <summary>Field name to command id: the field gets the id that this command's row gets.</summary>
    public IReadOnlyDictionary<string, Guid>? Refs { get; init; }

    /// <summary>Commands of one group take effect together or not at all. They stand together.</summary>
    public string? Group { get; init; }

    /// <summary>When the edit was made, UTC in ISO 8601. For people; nothing is decided by it.</summary>
    public required string OccurredAt { get; init; }
}

/// <summary>The answer of the health endpoints.</summary>
/// <param name="Status">ok</param>
internal sealed record HealthShape(string Status);
