using Tidemark.Model.Protocol;

namespace Tidemark.Server.AspNetCore.OpenApi;

/// <summary>The texts of what is about devices, tokens and administration.</summary>
internal static class AccessOperations
{
    private const string Access = "access";
    private const string Administration = "administration";

    public static WireOperation GetDevices { get; } = new(
        "getDevices", Access, "The devices of the user.", "A device is registered with its first push, page, lease or live connection; a revoked one stays in the list.");

    public static WireOperation RegisterDevice { get; } = new(
        "registerDevice",
        Access,
        "Registers a device, names it, or lets a revoked one in again.",
        "A device need not be registered before it syncs. One that was revoked is let in again by whoever has a token of its user.",
        ErrorCodes.BadRequest,
        ErrorCodes.Forbidden,
        ErrorCodes.TooLarge);

    public static WireOperation RevokeDevice { get; } = new(
        "revokeDevice",
        Access,
        "Refuses a device from now on.",
        "At all nodes with the next request, live connections included. Tokens that no other device came with are revoked too: a device that has one of its own cannot come back under another name.",
        ErrorCodes.BadRequest);

    public static WireOperation ReportDeadLetters { get; } = new(
        "reportDeadLetters",
        Access,
        "Says what a file of the device has in dead letters, for whoever runs the server.",
        "How many of which type, with which code, since when; in place of what the file said before. Nothing of a row. Forgotten after 90 days unless it is said again; an empty list takes it back at once.",
        ErrorCodes.BadRequest,
        ErrorCodes.DeviceRevoked,
        ErrorCodes.Forbidden,
        ErrorCodes.TooLarge);

    public static WireOperation RevokeToken { get; } = new(
        "revokeToken",
        Access,
        "Ends the request's own token, or all of the user's.",
        "With the token go the refresh tokens of its session; with all: every token that was made before now.",
        ErrorCodes.BadRequest,
        ErrorCodes.TooLarge);

    public static WireOperation Refresh { get; } = new(
        "refresh",
        Access,
        "Exchanges a refresh token for a new pair of tokens.",
        "Each is good once (and once more within 30 seconds, when the answer was lost). One that comes later again has been stolen or copied: the whole session ends.",
        ErrorCodes.BadRequest,
        ErrorCodes.AuthFailed,
        ErrorCodes.RateLimited,
        ErrorCodes.TooLarge,
        ErrorCodes.Unavailable);

    public static WireOperation GetUsers { get; } = new(
        "getUsers", Administration, "Users who have come with a device, or had something revoked.", "For administrators.", ErrorCodes.Forbidden);

    public static WireOperation GetDevicesOf { get; } = new(
        "getDevicesOf", Administration, "The devices of a user.", "For administrators.", ErrorCodes.BadRequest, ErrorCodes.Forbidden);

    public static WireOperation RevokeDeviceOf { get; } = new(
        "revokeDeviceOf", Administration, "Refuses a device of a user from now on.", "For administrators.", ErrorCodes.BadRequest, ErrorCodes.Forbidden);

    public static WireOperation RevokeTokensOf { get; } = new(
        "revokeTokensOf", Administration, "Refuses all tokens of a user that were made before now.", "For administrators.", ErrorCodes.BadRequest, ErrorCodes.Forbidden);

    public static WireOperation GetDeadLetters { get; } = new(
        "getDeadLetters", Administration, "What devices have told of their dead letters.", "For administrators. Counts by type and code; no row of any.", ErrorCodes.Forbidden);

    public static WireOperation GetDeadLettersOf { get; } = new(
        "getDeadLettersOf", Administration, "What devices of a user have told of their dead letters.", "For administrators. Counts by type and code; no row of any.", ErrorCodes.BadRequest, ErrorCodes.Forbidden);

    public static WireOperation GetRetention { get; } = new(
        "getRetention", Administration, "What is kept until the retention is over, in each space.", "For administrators. Tombstones, verdicts (idempotency records) and marks are counted, and those that the next compaction forgets.", ErrorCodes.Forbidden);

    public static WireOperation GetAllSpaces { get; } = new(
        "getAllSpaces", Administration, "Every space with its epoch and head.", "For administrators. No row of any.", ErrorCodes.Forbidden);

    public static WireOperation Compact { get; } = new(
        "compact",
        Administration,
        "Forgets what is past the retention now.",
        "For administrators. The server does it by itself every few hours.",
        ErrorCodes.BadRequest,
        ErrorCodes.Forbidden,
        ErrorCodes.TooLarge);
}
