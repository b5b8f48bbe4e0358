using Tidemark.Model.Protocol;

namespace Tidemark.Server.AspNetCore.OpenApi;

/// <summary>The texts of the document.</summary>
internal static class WireOperations
{
    private const string Model = "model";
    private const string Sync = "sync";
    private const string Health = "health";

    public static WireOperation GetModel { get; } = new(
        "getModel",
        Model,
        "The registered model, its hash and version, and the limits of this server.",
        "hash and model are absent while no model is registered. user is who the token speaks for.");

    public static WireOperation PutModel { get; } = new(
        "putModel",
        Model,
        "Registers or upgrades the model.",
        "For administrators; on a server started with --dev for any user. Registering the same model again changes nothing. A change that would lose data is refused with a sentence.",
        ErrorCodes.BadRequest,
        ErrorCodes.Forbidden,
        ErrorCodes.TooLarge);

    public static WireOperation GetSpaces { get; } = new(
        "getSpaces",
        Model,
        "The spaces this user may use.",
        "Everybody has a space of his own, the default one; requests that name no space mean that one. The others are shared. With left=true those that the user was a member of are listed too, with the role removed.");

    public static WireOperation Push { get; } = new(
        "push",
        Sync,
        "Executes commands, each once, and gives every one of them a verdict.",
        "The whole is refused only for trouble with the envelope. A single command that cannot be read or executed gets a failed verdict. "
        + "The same request may be sent any number of times: a command that was accepted is not executed again, its recorded verdict is the answer.",
        ErrorCodes.BadRequest,
        ErrorCodes.SpaceNotFound,
        ErrorCodes.StoreForked,
        ErrorCodes.ModelMismatch,
        ErrorCodes.ResyncRequired,
        ErrorCodes.LeaseDenied,
        ErrorCodes.LeaseLost,
        ErrorCodes.TooLarge);

    public static WireOperation GetChanges { get; } = new(
        "getChanges",
        Sync,
        "One page of changes after a cursor, in the order of the space.",
        "Follow nextCursor while hasMore is true; a page may be empty and still say so. Apply nothing before the last page. Pages of one pull end at until, which the first page fixes.",
        ErrorCodes.BadRequest,
        ErrorCodes.CursorInvalid,
        ErrorCodes.SpaceNotFound,
        ErrorCodes.LeaseDenied,
        ErrorCodes.LeaseLost,
        ErrorCodes.ResyncRequired);

    public static WireOperation PostChanges { get; } = new(
        "postChanges",
        Sync,
        "One page of changes; the same as GET with the parameters in the body.",
        "For cursors per entity type, and for the marks that let a restored server name the last common position.",
        [.. GetChanges.Codes, ErrorCodes.TooLarge]);

    public static WireOperation Verdicts { get; } = new(
        "verdicts",
        Sync,
        "What became of commands whose answer was lost.",
        "Only accepted verdicts are recorded. A command that is not listed was not accepted: send it again.",
        ErrorCodes.BadRequest,
        ErrorCodes.SpaceNotFound,
        ErrorCodes.TooLarge);

    public static WireOperation Rows { get; } = new(
        "rows",
        Sync,
        "Single rows as they are now, by key.",
        "All of one snapshot, whose mark comes with them. A key that is not listed does not exist.",
        ErrorCodes.BadRequest,
        ErrorCodes.SpaceNotFound,
        ErrorCodes.TooLarge);

    public static WireOperation Checksums { get; } = new(
        "checksums",
        Sync,
        "Rows and digest of every entity type at the head of one snapshot.",
        "The digest is the sum modulo 2^256 of the SHA-256 of every canonical row (RFC 8785), in lower-case hex. Compare it when the device's cursor stands at the mark's position. "
        + "With rangeBits the same for each of 2^rangeBits ranges of keys (the first bits of the SHA-256 of the key's canonical JSON); with within the rows of some ranges by key and digest: so a difference is found without fetching the rows.",
        ErrorCodes.BadRequest,
        ErrorCodes.SpaceNotFound,
        ErrorCodes.TooLarge);

    public static WireOperation AskLease { get; } = new(
        "askLease",
        Sync,
        "Admits bulk work of a device.",
        "A push of more than leaseCommands commands, a page with a limit above leaseRows and a batch of more than leaseSamples health samples (GET /sync/model tells all) carry Tidemark-Lease with the id. A device has one lease for each kind of work: asking again gives the same. "
        + "Denied, it keeps its place among those who wait if it asks again when Retry-After is over.",
        ErrorCodes.BadRequest,
        ErrorCodes.LeaseDenied,
        ErrorCodes.TooLarge);

    public static WireOperation RenewLease { get; } = new(
        "renewLease",
        Sync,
        "Holds a lease for its time from now on.",
        "LEASE_LOST when it ran out or was released: stop the work, and ask for a new one.",
        ErrorCodes.BadRequest,
        ErrorCodes.LeaseLost,
        ErrorCodes.TooLarge);

    public static WireOperation ReleaseLease { get; } = new(
        "releaseLease",
        Sync,
        "Gives a lease back.",
        "May be repeated. One that is not released runs out by itself.");

    public static WireOperation LiveHints { get; } = new(
        "liveHints",
        Sync,
        "A WebSocket that tells when the space has moved.",
        "Ask for an upgrade (RFC 6455); the answer's schema is that of each text message. The first message is the head. Hints may be lost or joined; a device that named itself with deviceId is not told of its own changes. "
        + "space=* listens to all spaces of the user, those that he joins later included. Nothing is to be sent. The connection ends with the token, and when the user is no member of the space any more.",
        ErrorCodes.BadRequest,
        ErrorCodes.SpaceNotFound,
        ErrorCodes.RateLimited);

    public static WireOperation Live { get; } = new(
        "live", Health, "The process runs.", "200 as long as the process can answer at all.");

    public static WireOperation Ready { get; } = new(
        "ready", Health, "The server can do its work.", "200 when the store answers; 503 when it does not, or while the server shuts down.", ErrorCodes.Unavailable);
}
