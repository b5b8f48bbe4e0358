using System.Text.Json.Serialization;

namespace Tidemark.Model.Protocol;

/// <summary>A commit that was seen: its position and its random token. A server that was restored does not know it.</summary>
public sealed record Mark(long Position, string Token);

/// <summary>Everything of a push but its commands.</summary>
public sealed record PushEnvelope : IJsonOnDeserialized
{
    /// <summary>The version of the wire: 1.</summary>
    public int Protocol { get; init; } = ProtocolVersion.Current;

    /// <summary>One installation of the app.</summary>
    public required string DeviceId { get; init; }

    /// <summary>One database file; another after a copy or a restore.</summary>
    public required string StoreId { get; init; }

    /// <summary>One more with every request this store sends.</summary>
    public long PushSeq { get; init; }

    /// <summary>The incarnation of the space the device knows; null before the first answer.</summary>
    public string? Epoch { get; init; }

    /// <summary>The newest mark seen in any answer; null before the first.</summary>
    public Mark? Floor { get; init; }

    /// <summary>
    /// After a restore of the server: by command and type, the ids that the command mentions, each with the CREATE that made its row. The server may have given
    /// an id once more since; then the command speaks of another row than the one that has it.
    /// </summary>
    public Dictionary<string, Dictionary<string, Dictionary<string, Guid>>>? Lost { get; init; }

    /// <summary>The hash of the device's model.</summary>
    public string? ModelHash { get; init; }

    /// <summary>Lower-case hex SHA-256 over the command ids joined by LF.</summary>
    public string? SyncOperationId { get; init; }

    /// <summary>Null: the user's default space.</summary>
    public string? Space { get; init; }

    void IJsonOnDeserialized.OnDeserialized()
    {
        NoNulls.In(Lost?.Values, "lost");
        NoNulls.In(Lost?.Values.SelectMany(types => types.Values), "lost");
    }
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

    /// <summary>The key as it was sent.</summary>
    public required RawJson ClientId { get; init; }

    /// <summary>The key as it is stored.</summary>
    public required RawJson ServerId { get; init; }

    /// <summary>The row version now, in microseconds.</summary>
    public long Version { get; init; }

    /// <summary>The version as a time: ISO 8601 UTC.</summary>
    public required string ChangedAt { get; init; }

    /// <summary>The row as the server stored it, when that differs from what was sent.</summary>
    public RawJson? Row { get; init; }
}

public sealed record FailedVerdict
{
    public required Guid CommandId { get; init; }

    /// <summary>A code of the catalogue.</summary>
    public required string Code { get; init; }

    /// <summary>For people.</summary>
    public required string Message { get; init; }

    /// <summary>The same bytes may be accepted later.</summary>
    public bool Retryable { get; init; }

    /// <summary>The field at fault.</summary>
    public string? Field { get; init; }

    /// <summary>The server's row, when there is one.</summary>
    public RawJson? ServerRow { get; init; }

    /// <summary>Its row version.</summary>
    public long? ServerVersion { get; init; }

    /// <summary>The server remembers the row as deleted.</summary>
    public bool? ServerDeleted { get; init; }
}

public sealed record ConflictVerdict
{
    public required Guid CommandId { get; init; }

    public required string EntityType { get; init; }

    public required RawJson EntityId { get; init; }

    /// <summary>The version of the server's row or tombstone.</summary>
    public long ServerVersion { get; init; }

    /// <summary>The server's row; absent when it is deleted.</summary>
    public RawJson? ServerRow { get; init; }

    /// <summary>The row is deleted on the server.</summary>
    public bool ServerDeleted { get; init; }

    /// <summary>The CREATE that made the server's row, or the one that is deleted, where the server assigns ids.</summary>
    public Guid? MadeBy { get; init; }

    /// <summary>Of a row that was offered after a restore: the version its content had before.</summary>
    public long? ContentVersion { get; init; }

    /// <summary>For people: what the command clashed with.</summary>
    public required string Reason { get; init; }
}

/// <summary>Every command of the push is in exactly one list.</summary>
public sealed record PushResponse : IJsonOnDeserialized
{
    public required string SyncOperationId { get; init; }

    /// <summary>The incarnation of the space.</summary>
    public required string Epoch { get; init; }

    /// <summary>The head when the answer was made.</summary>
    public required Mark Mark { get; init; }

    public IReadOnlyList<AcceptedVerdict> Successful { get => field ?? []; init; }

    public IReadOnlyList<FailedVerdict> Failed { get => field ?? []; init; }

    public IReadOnlyList<ConflictVerdict> Conflicts { get => field ?? []; init; }

    void IJsonOnDeserialized.OnDeserialized()
    {
        NoNulls.In(Successful, "successful");
        NoNulls.In(Failed, "failed");
        NoNulls.In(Conflicts, "conflicts");
    }
}

/// <summary>Asks what became of commands whose answer was lost.</summary>
public sealed record VerdictsRequest
{
    public string? Space { get; init; }

    public required IReadOnlyList<Guid> CommandIds { get; init; }
}

/// <summary>Only accepted verdicts are recorded; a command that is not listed has none.</summary>
public sealed record VerdictsResponse : IJsonOnDeserialized
{
    public IReadOnlyList<AcceptedVerdict> Successful { get => field ?? []; init; }

    void IJsonOnDeserialized.OnDeserialized() => NoNulls.In(Successful, "successful");
}

public sealed record RowsRequest
{
    public string? Space { get; init; }

    public required string EntityType { get; init; }

    public required IReadOnlyList<RawJson> EntityIds { get; init; }
}

/// <summary>The same items as in a page of changes; a key that is not listed does not exist here.</summary>
public sealed record RowsResponse : IJsonOnDeserialized
{
    public required Mark Mark { get; init; }

    public IReadOnlyList<WireChange> Rows { get => field ?? []; init; }

    void IJsonOnDeserialized.OnDeserialized() => NoNulls.In(Rows, "rows");
}

// What is null is not written, so neither is asked for when it is read.
public sealed record ChangeOrigin(string? DeviceId = null, Guid? CommandId = null);

/// <summary>One row version.</summary>
public sealed record WireChange
{
    public required string EntityType { get; init; }

    /// <summary>CREATE or UPDATE (both: upsert), DELETE, REMOVE.</summary>
    public required string Operation { get; init; }

    public required RawJson EntityId { get; init; }

    /// <summary>The row version: the position of its last change, in microseconds.</summary>
    public long Version { get; init; }

    /// <summary>The version as a time: ISO 8601 UTC.</summary>
    public required string ChangedAt { get; init; }

    /// <summary>The CREATE that got the row its id from the server: it names the row also where a restored server gives the id once more.</summary>
    public Guid? MadeBy { get; init; }

    /// <summary>Of a row that was offered after a restore: the version its content had before.</summary>
    public long? ContentVersion { get; init; }

    /// <summary>Who made the last change.</summary>
    public ChangeOrigin? Origin { get; init; }

    /// <summary>The row; absent for DELETE and REMOVE.</summary>
    public RawJson? Row { get; init; }
}

/// <summary>The body of POST /sync/changes; GET takes the same as its query.</summary>
public sealed record ChangesRequest : IJsonOnDeserialized
{
    /// <summary>Null: the user's default space.</summary>
    public string? Space { get; init; }

    /// <summary>Opaque; null from the start.</summary>
    public string? Cursor { get; init; }

    /// <summary>Which device asks.</summary>
    public string? DeviceId { get; init; }

    /// <summary>At most so many changes, 1 to 5000; 1000 when null.</summary>
    public int? Limit { get; init; }

    /// <summary>Only these types; all when null.</summary>
    public IReadOnlyList<string>? EntityTypes { get; init; }

    /// <summary>Per entity type, what goes before cursor.</summary>
    public IReadOnlyDictionary<string, string>? Cursors { get; init; }

    /// <summary>Marks the device remembers, newest first: a restored server names the newest one it still knows.</summary>
    public IReadOnlyList<Mark>? Marks { get; init; }

    void IJsonOnDeserialized.OnDeserialized()
    {
        NoNulls.In(EntityTypes, "entityTypes");
        NoNulls.In(Cursors?.Values, "cursors");
        NoNulls.In(Marks, "marks");
    }
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

    /// <summary>The status of the answer.</summary>
    public int Status { get; init; }

    /// <summary>What is wrong and what cures it, for people.</summary>
    public string? Detail { get; init; }

    /// <summary>A code of the catalogue.</summary>
    public required string Code { get; init; }

    /// <summary>The same request may succeed later.</summary>
    public bool Retryable { get; init; }

    /// <summary>How long to wait, in milliseconds.</summary>
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
    /// <summary>The protocol's own bound of nesting.</summary>
    public const int JsonDepthBound = 64;

    /// <summary>Commands of one push.</summary>
    public int CommandsMax { get => field == 0 ? 2000 : field; init; }

    /// <summary>Bytes of a request body, after decompression.</summary>
    public long RequestBytesMax { get => field == 0 ? 16 * 1024 * 1024 : field; init; }

    /// <summary>Bytes of one row as JSON.</summary>
    public long RowBytesMax { get => field == 0 ? 12 * 1024 * 1024 : field; init; }

    /// <summary>The largest limit of a page.</summary>
    public int PageRowsMax { get => field == 0 ? 5000 : field; init; }

    /// <summary>Nesting of JSON. A server may set less, never more.</summary>
    public int JsonDepthMax { get => field == 0 ? JsonDepthBound : field; init; }

    /// <summary>A push of more commands than this carries a lease. 0: none does.</summary>
    public int LeaseCommands { get; init; }

    /// <summary>A page with a limit above this is asked for with a lease. 0: none is.</summary>
    public int LeaseRows { get; init; }

    /// <summary>A batch of more health samples and deletes than this carries a lease. 0: none does.</summary>
    public int LeaseSamples { get; init; }

    /// <summary>Fields of one entity type.</summary>
    public int FieldsMax { get => field == 0 ? Entities.ModelValidator.FieldsMax : field; init; }
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

    /// <summary>What the user may do there: owner, writer or reader; removed, when those he has left were asked for too.</summary>
    public required string Role { get; init; }

    /// <summary>The incarnation; another after a restore.</summary>
    public required string Epoch { get; init; }

    /// <summary>The position of the last commit, in microseconds.</summary>
    public long Head { get; init; }

    /// <summary>Meant by requests that name no space.</summary>
    public bool Default { get; init; }

    /// <summary>For people; of shared spaces only.</summary>
    public string? Name { get; init; }
}

public sealed record ChecksumsRequest : IJsonOnDeserialized
{
    public string? Space { get; init; }

    public IReadOnlyList<string>? EntityTypes { get; init; }

    /// <summary>Also a checksum for each of 2 to the power of so many ranges of keys, 1 to 16; see <see cref="KeyRange"/>.</summary>
    public int? RangeBits { get; init; }

    /// <summary>Also every row of these ranges, by key and digest.</summary>
    public IReadOnlyList<int>? Within { get; init; }

    void IJsonOnDeserialized.OnDeserialized() => NoNulls.In(EntityTypes, "entityTypes");
}

/// <summary>Per type rows and set digest at the head of one snapshot.</summary>
public sealed record ChecksumsResponse : IJsonOnDeserialized
{
    public required string Epoch { get; init; }

    public required Mark Mark { get; init; }

    public IReadOnlyDictionary<string, TypeChecksum> Types { get => field ?? new Dictionary<string, TypeChecksum>(StringComparer.Ordinal); init; }

    void IJsonOnDeserialized.OnDeserialized() => NoNulls.In(Types.Values, "types");
}

public sealed record TypeChecksum(long Rows, string Digest)
{
    /// <summary>Those of the ranges that have rows, in order.</summary>
    public IReadOnlyList<RangeChecksum>? Ranges { get; init; }

    /// <summary>The rows of the ranges that were asked for, in no order.</summary>
    public IReadOnlyList<RowChecksum>? Listed { get; init; }
}

/// <summary>Rows and set digest of one range of keys.</summary>
public sealed record RangeChecksum(int Range, long Rows, string Digest);

/// <summary>One row: its key, and its digest in lower-case hex.</summary>
public sealed record RowChecksum(RawJson EntityId, string Digest);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    MaxDepth = 64)]
[JsonSerializable(typeof(PushEnvelope))]
[JsonSerializable(typeof(Dictionary<string, Dictionary<string, Guid>>), TypeInfoPropertyName = "LostIds")]
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
[JsonSerializable(typeof(LiveMessage))]
[JsonSerializable(typeof(LeaseRequest))]
[JsonSerializable(typeof(LeaseRenewal))]
[JsonSerializable(typeof(LeaseResponse))]
[JsonSerializable(typeof(LeaseReleased))]
[JsonSerializable(typeof(SpaceRequest))]
[JsonSerializable(typeof(SpaceInfo))]
[JsonSerializable(typeof(SpaceMembers))]
[JsonSerializable(typeof(MemberChange))]
[JsonSerializable(typeof(InvitationRequest))]
[JsonSerializable(typeof(SpaceInvitation))]
[JsonSerializable(typeof(SpaceInvitations))]
[JsonSerializable(typeof(JoinRequest))]
[JsonSerializable(typeof(LeaveRequest))]
[JsonSerializable(typeof(SpaceRemoved))]
[JsonSerializable(typeof(SnapshotManifest))]
[JsonSerializable(typeof(RefreshRequest))]
[JsonSerializable(typeof(TokenResponse))]
[JsonSerializable(typeof(RevokeRequest))]
[JsonSerializable(typeof(Revoked))]
[JsonSerializable(typeof(DeviceRequest))]
[JsonSerializable(typeof(DeviceInfo))]
[JsonSerializable(typeof(DeviceList))]
[JsonSerializable(typeof(UserList))]
[JsonSerializable(typeof(SpaceList))]
[JsonSerializable(typeof(CompactionRequest))]
[JsonSerializable(typeof(CompactionResponse))]
[JsonSerializable(typeof(RetentionInfo))]
[JsonSerializable(typeof(DeadLetterReport))]
[JsonSerializable(typeof(DeadLettersNoted))]
[JsonSerializable(typeof(DeadLetterReports))]
public sealed partial class WireJson : JsonSerializerContext;
