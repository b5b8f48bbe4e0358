using System.Text.Json.Serialization;

namespace Tidemark.Model.Protocol;

/// <summary>A commit that was seen: its position and its random token. A server that was restored does not know it.</summary>
public sealed record Mark(long Position, string Token);

/// <summary>Everything of a push but its commands.</summary>
public sealed record PushEnvelope
{
    public int Protocol { get; init; } = ProtocolVersion.Current;

    public required string DeviceId { get; init; }

    public required string StoreId { get; init; }

    /// <summary>One more with every request this store sends.</summary>
    public long PushSeq { get; init; }

    /// <summary>The incarnation of the space the device knows; null before the first answer.</summary>
    public string? Epoch { get; init; }

    /// <summary>The newest mark seen in any answer; null before the first.</summary>
    public Mark? Floor { get; init; }

    public string? ModelHash { get; init; }

    public string? SyncOperationId { get; init; }

    /// <summary>Null: the user's default space.</summary>
    public string? Space { get; init; }
}

/// <summary>The version of the wire.</summary>
public static class ProtocolVersion
{
    public const int Current = 1;
}

public sealed record AcceptedVerdict
{
    public required Guid CommandId { get; init; }

    public required string EntityType { get; init; }

    public RawJson ClientId { get; init; }

    public RawJson ServerId { get; init; }

    public long Version { get; init; }

    public required string ChangedAt { get; init; }

    /// <summary>The row as the server stored it, when that differs from what was sent.</summary>
    public RawJson? Row { get; init; }
}

public sealed record FailedVerdict
{
    public required Guid CommandId { get; init; }

    public required string Code { get; init; }

    public required string Message { get; init; }

    public bool Retryable { get; init; }

    public string? Field { get; init; }

    public RawJson? ServerRow { get; init; }

    public long? ServerVersion { get; init; }

    public bool? ServerDeleted { get; init; }
}

public sealed record ConflictVerdict
{
    public required Guid CommandId { get; init; }

    public required string EntityType { get; init; }

    public RawJson EntityId { get; init; }

    public long ServerVersion { get; init; }

    public RawJson? ServerRow { get; init; }

    public bool ServerDeleted { get; init; }

    public required string Reason { get; init; }
}

/// <summary>Every command of the push is in exactly one list.</summary>
public sealed record PushResponse
{
    public required string SyncOperationId { get; init; }

    public required string Epoch { get; init; }

    /// <summary>The head when the answer was made.</summary>
    public required Mark Mark { get; init; }

    public IReadOnlyList<AcceptedVerdict> Successful { get => field ?? []; init; }

    public IReadOnlyList<FailedVerdict> Failed { get => field ?? []; init; }

    public IReadOnlyList<ConflictVerdict> Conflicts { get => field ?? []; init; }
}

/// <summary>Asks what became of commands whose answer was lost.</summary>
public sealed record VerdictsRequest
{
    public string? Space { get; init; }

    public required IReadOnlyList<Guid> CommandIds { get; init; }
}

/// <summary>Only accepted verdicts are recorded; a command that is not listed has none.</summary>
public sealed record VerdictsResponse
{
    public IReadOnlyList<AcceptedVerdict> Successful { get => field ?? []; init; }
}

public sealed record RowsRequest
{
    public string? Space { get; init; }

    public required string EntityType { get; init; }

    public required IReadOnlyList<RawJson> EntityIds { get; init; }
}

/// <summary>The same items as in a page of changes; a key that is not listed does not exist here.</summary>
public sealed record RowsResponse
{
    public required Mark Mark { get; init; }

    public IReadOnlyList<WireChange> Rows { get => field ?? []; init; }
}

public sealed record ChangeOrigin(string? DeviceId, Guid? CommandId);

/// <summary>One row version.</summary>
public sealed record WireChange
{
    public required string EntityType { get; init; }

    /// <summary>CREATE or UPDATE (both: upsert), DELETE, REMOVE.</summary>
    public required string Operation { get; init; }

    public RawJson EntityId { get; init; }

    public long Version { get; init; }

    public required string ChangedAt { get; init; }

    public ChangeOrigin? Origin { get; init; }

    public RawJson? Row { get; init; }
}

/// <summary>The body of POST /sync/changes; GET takes the same as its query.</summary>
public sealed record ChangesRequest
{
    public string? Space { get; init; }

    /// <summary>Opaque; null from the start.</summary>
    public string? Cursor { get; init; }

    public string? DeviceId { get; init; }

    public int? Limit { get; init; }

    public IReadOnlyList<string>? EntityTypes { get; init; }

    public IReadOnlyDictionary<string, string>? Cursors { get; init; }

    /// <summary>Marks the device remembers, newest first: a restored server names the newest one it still knows.</summary>
    public IReadOnlyList<Mark>? Marks { get; init; }
}

public sealed record WireEntityCursor(long LastCreatedAt, string LastId);

/// <summary>Why a device must resync.</summary>
public static class ResyncReason
{
    public const string Restored = "restored";
    public const string Retention = "retention";
    public const string Model = "model";
    public const string Revoked = "revoked";
}

/// <summary>Problem details (RFC 9457) with what a client needs to decide.</summary>
public sealed record Problem
{
    public string? Type { get; init; }

    public string? Title { get; init; }

    public int Status { get; init; }

    public string? Detail { get; init; }

    public required string Code { get; init; }

    public bool Retryable { get; init; }

    public long? RetryAfterMs { get; init; }

    /// <summary>With RESYNC_REQUIRED: one of <see cref="ResyncReason"/>.</summary>
    public string? Reason { get; init; }

    /// <summary>With RESYNC_REQUIRED: the incarnation the server is in now.</summary>
    public string? Epoch { get; init; }

    /// <summary>With reason restored: the newest position both know; 0 when there is none.</summary>
    public long? CommonPosition { get; init; }

    /// <summary>The field or member at fault.</summary>
    public string? Field { get; init; }
}

/// <summary>The server's limits. A limit that is left out or 0 is the protocol's own.</summary>
public sealed record WireLimits
{
    public int CommandsMax { get => field == 0 ? 2000 : field; init; }

    public long RequestBytesMax { get => field == 0 ? 16 * 1024 * 1024 : field; init; }

    public long RowBytesMax { get => field == 0 ? 12 * 1024 * 1024 : field; init; }

    public int PageRowsMax { get => field == 0 ? 5000 : field; init; }

    public int JsonDepthMax { get => field == 0 ? 64 : field; init; }

    public int FieldsMax { get => field == 0 ? 1000 : field; init; }
}

/// <summary>GET /sync/model.</summary>
public sealed record ModelInfo
{
    /// <summary>Null while no model is registered.</summary>
    public string? Hash { get; init; }

    public int Version { get; init; }

    public required WireLimits Limits { get; init; }

    /// <summary>Who the token says is signed in.</summary>
    public required string User { get; init; }

    /// <summary>Any user may register a model here.</summary>
    public bool Dev { get; init; }

    public RawJson? Model { get; init; }
}

public sealed record SpaceInfo
{
    public required string Space { get; init; }

    public required string Role { get; init; }

    public required string Epoch { get; init; }

    public long Head { get; init; }

    public bool Default { get; init; }
}

public sealed record ChecksumsRequest
{
    public string? Space { get; init; }

    public IReadOnlyList<string>? EntityTypes { get; init; }
}

/// <summary>Per type rows and set digest at the head of one snapshot.</summary>
public sealed record ChecksumsResponse
{
    public required string Epoch { get; init; }

    public required Mark Mark { get; init; }

    public IReadOnlyDictionary<string, TypeChecksum> Types { get => field ?? new Dictionary<string, TypeChecksum>(StringComparer.Ordinal); init; }
}

public sealed record TypeChecksum(long Rows, string Digest);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    MaxDepth = 64)]
[JsonSerializable(typeof(PushEnvelope))]
[JsonSerializable(typeof(PushResponse))]
[JsonSerializable(typeof(VerdictsRequest))]
[JsonSerializable(typeof(VerdictsResponse))]
[JsonSerializable(typeof(RowsRequest))]
[JsonSerializable(typeof(RowsResponse))]
[JsonSerializable(typeof(ChangesRequest))]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(ModelInfo))]
[JsonSerializable(typeof(IReadOnlyList<SpaceInfo>))]
[JsonSerializable(typeof(ChecksumsRequest))]
[JsonSerializable(typeof(ChecksumsResponse))]
public sealed partial class WireJson : JsonSerializerContext;
