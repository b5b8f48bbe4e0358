namespace Tidemark.Model.Protocol;

/// <summary>Where a code appears.</summary>
[Flags]
public enum CodeUse
{
    None = 0,

    /// <summary>The status of a whole answer.</summary>
    Status = 1,

    /// <summary>The verdict on one command.</summary>
    Verdict = 2,
}

/// <summary>One code of the wire with its cause and cure.</summary>
/// <param name="Code">The code as it travels.</param>
/// <param name="Status">The HTTP status when it is the answer to a whole request; 0 when it never is.</param>
/// <param name="Retryable">The same bytes may succeed later.</param>
/// <param name="Cause">What happened.</param>
/// <param name="Cure">What to do.</param>
public sealed record ErrorCode(string Code, int Status, bool Retryable, string Cause, string Cure)
{
    /// <summary>Codes without a status are verdicts; some are both.</summary>
    public CodeUse Use { get; init; } = Status == 0 ? CodeUse.Verdict : CodeUse.Status;
}

/// <summary>The one catalogue of wire codes; `docs/errors` is written from it.</summary>
public static class ErrorCodes
{
    public const string BadRequest = "BAD_REQUEST";
    public const string ValidationFailed = "VALIDATION_FAILED";
    public const string UnknownType = "UNKNOWN_TYPE";
    public const string UnknownField = "UNKNOWN_FIELD";
    public const string BaseRequired = "BASE_REQUIRED";
    public const string ParentMissing = "PARENT_MISSING";
    public const string FkRestrict = "FK_RESTRICT";
    public const string Unique = "UNIQUE";
    public const string RowGone = "ROW_GONE";
    public const string IdempotencyMismatch = "IDEMPOTENCY_MISMATCH";
    public const string GroupRefused = "GROUP_REFUSED";
    public const string TooLarge = "TOO_LARGE";
    public const string RowTooWide = "ROW_TOO_WIDE";
    public const string CursorInvalid = "CURSOR_INVALID";
    public const string ResyncRequired = "RESYNC_REQUIRED";
    public const string StoreForked = "STORE_FORKED";
    public const string ModelMismatch = "MODEL_MISMATCH";
    public const string AuthFailed = "AUTH_FAILED";
    public const string Forbidden = "FORBIDDEN";
    public const string DeviceRevoked = "DEVICE_REVOKED";
    public const string SpaceNotFound = "SPACE_NOT_FOUND";
    public const string LeaseDenied = "LEASE_DENIED";
    public const string LeaseLost = "LEASE_LOST";
    public const string RateLimited = "RATE_LIMITED";
    public const string Unavailable = "UNAVAILABLE";

    public static IReadOnlyList<ErrorCode> All { get; } =
    [
        new(BadRequest, 400, false, "The request is not of the protocol's form.", "Send JSON as the OpenAPI document describes it; the message names the place.") { Use = CodeUse.Status | CodeUse.Verdict },
        new(ValidationFailed, 0, false, "A value does not fit its field: wrong type, null where none may be, NUL or invalid UTF-8.", "Correct the named field, then retry the dead letter."),
        new(UnknownType, 0, false, "The server's model has no such entity type.", "Upgrade the server's model with PUT /sync/model."),
        new(UnknownField, 0, false, "The server's model has no such field.", "Upgrade the server's model with PUT /sync/model."),
        new(BaseRequired, 0, false, "An UPDATE or DELETE came without its base version.", "Send baseVersion, or after with the id of a command of the same batch."),
        new(ParentMissing, 0, true, "A required parent is not on the server (yet).", "Nothing: the row is sent again when its parent has arrived. When the parent is a dead letter, settle that one."),
        new(FkRestrict, 0, false, "Other rows still refer to the row and the relation forbids its deletion.", "Delete or move the children, or discard the deletion."),
        new(Unique, 0, false, "Another row of the space holds the same unique value.", "Change one of the two values, then retry the dead letter."),
        new(RowGone, 0, false, "The row was deleted on the server longer ago than tombstones are kept.", "Create the row again or discard the edit."),
        new(IdempotencyMismatch, 0, false, "A command id came back with other bytes.", "Give every command its own id; a frozen command is never rewritten."),
        new(GroupRefused, 0, true, "Another command of the same group was refused.", "Nothing: the row is sent again; see the command that was refused."),
        new(TooLarge, 413, false, "The request or a row is larger than the server's limit.", "Smaller batches; a single row over the limit must shrink.") { Use = CodeUse.Status | CodeUse.Verdict },
        new(RowTooWide, 413, false, "A row has more fields or nesting than the server's limit.", "Split the entity type.") { Use = CodeUse.Status | CodeUse.Verdict },
        new(CursorInvalid, 400, false, "The cursor was changed, is damaged, or belongs to another user or space.", "Pull again without a cursor; nothing local is lost."),
        new(ResyncRequired, 410, false, "The device's position is unknown to the server: it was restored, compacted, or is another one.", "The client resyncs by itself and keeps what was not sent."),
        new(StoreForked, 409, false, "Another copy of this device's file has pushed.", "The client takes a new store id and resyncs by itself."),
        new(ModelMismatch, 409, false, "Client and server have different models.", "Register the newer model on the server, or upgrade the app."),
        new(AuthFailed, 401, false, "The token is missing, wrong or expired.", "Sign in again, or make a new token with `tidemark token`."),
        new(Forbidden, 403, false, "The user may not do this.", "Ask an administrator or the space's owner.") { Use = CodeUse.Status | CodeUse.Verdict },
        new(DeviceRevoked, 403, false, "This device was revoked.", "Register the device again or use another one."),
        new(SpaceNotFound, 404, false, "There is no such space, or it is not yours.", "Check the space's name and who is signed in.") { Use = CodeUse.Status | CodeUse.Verdict },
        new(LeaseDenied, 429, true, "The server admits no more bulk work now.", "Wait as long as Retry-After says."),
        new(LeaseLost, 409, true, "The lease ran out or was taken.", "Stop the bulk work and ask for a new lease."),
        new(RateLimited, 429, true, "Too many requests.", "Wait as long as Retry-After says."),
        new(Unavailable, 503, true, "The server cannot answer now.", "Try again later; the client does it by itself.") { Use = CodeUse.Status | CodeUse.Verdict },
    ];

    public static ErrorCode? Find(string code) => All.FirstOrDefault(c => string.Equals(c.Code, code, StringComparison.Ordinal));
}
