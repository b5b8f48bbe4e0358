namespace Tidemark.Client.Errors;

/// <summary>One kind of trouble with its cause and cure.</summary>
/// <param name="Code">The kind.</param>
/// <param name="Retryable">The next run may succeed without anybody doing anything; null when that depends on the cause.</param>
/// <param name="Cause">What happened.</param>
/// <param name="Cure">What to do.</param>
public sealed record SyncError(SyncErrorCode Code, bool? Retryable, string Cause, string Cure);

/// <summary>The catalogue of the codes of <see cref="SyncException"/>; `docs/errors` is written from it.</summary>
public static class SyncErrorCodes
{
    public static IReadOnlyList<SyncError> All { get; } =
    [
        new(SyncErrorCode.NetworkError, true, "No answer: no network, no server, or a time-out.", "Check the address and the network; the next run goes on where this one stopped."),
        new(SyncErrorCode.InvalidResponse, true, "Something answered that is not a Tidemark server: a login page, a proxy, a body cut off.", "Check the address and what stands in between; nothing was changed."),
        new(SyncErrorCode.RateLimited, true, "Too many requests.", "Nothing: the client waits as long as the server asks."),
        new(SyncErrorCode.ServerUnavailable, true, "The server cannot answer now.", "Nothing: the client tries again later; when it lasts, look at the server's log."),
        new(SyncErrorCode.AuthFailed, false, "The token is missing, wrong or expired, or the user may not do this.", "Sign in again, or make a new token with `tidemark token`."),
        new(SyncErrorCode.WrongUser, false, "This file holds another user's data.", "Sign in as that user, or sync into a file of your own."),
        new(SyncErrorCode.DeviceRevoked, false, "This device was revoked.", "Register the device again or use another one."),
        new(SyncErrorCode.SpaceNotFound, false, "There is no such space, or it is not yours.", "Check the space's name and who is signed in."),
        new(SyncErrorCode.ModelMismatch, false, "The server has no model, or one that does not fit this device's.", "Register the newer model on the server, or upgrade the app."),
        new(SyncErrorCode.ResyncRequired, true, "The server does not know this device's position: it was restored or compacted, or is another one.", "Nothing: the engine resyncs and keeps what was not sent."),
        new(SyncErrorCode.StoreForked, true, "Another copy of this file has pushed.", "Nothing: the engine takes a new store id and resyncs."),
        new(SyncErrorCode.BadRequest, false, "The server refused the request as malformed or too large.", "Upgrade the older of client and server; when both are new, please report it."),
        new(SyncErrorCode.FkResolutionFailed, false, "A required parent could not be resolved.", "See the dead letters: settle the parent first."),
        new(SyncErrorCode.IntegrityViolation, false, "What was pulled would have left rows without their required parents; nothing was committed.", "Run `tidemark doctor`; the message names the rows."),
        new(SyncErrorCode.IntegrityCheckFailed, false, "The integrity check could not run; nothing was committed.", "Run `tidemark doctor`; the inner message names the cause."),
        new(SyncErrorCode.DeleteLimit, false, "The run would delete more rows than allowed without a question; nothing was committed.", "Make sure that the server has the right data, then allow the deletions once."),
        new(SyncErrorCode.AlreadyRunning, true, "Another process or instance is syncing this file.", "Nothing: one sync per file at a time is enough; try again when it is done."),
        new(SyncErrorCode.RunLockLost, true, "The run was held up for so long that another process took its place; nothing was committed afterwards.", "Nothing: the other run, or the next, does the rest."),
        new(SyncErrorCode.LeaseLost, true, "The server's admission for bulk work was lost: it could not be renewed in time.", "Nothing: the work stopped where it was, and the next run goes on."),
        new(SyncErrorCode.NotFetched, false, "Not everything was fetched once; what compares with synced rows has to wait for them.", "Sync, then try again."),
        new(SyncErrorCode.Store, null, "The local file is in trouble: damaged, read-only, full, busy.", "The message names the file and the cure."),
        new(SyncErrorCode.SchemaMismatch, false, "The file's tables do not fit the model.", "Run the app's migration, or adopt the file anew; the message names table and column."),
        new(SyncErrorCode.Cancelled, true, "The caller cancelled; what was committed stays.", "Nothing: the next run goes on."),
        new(SyncErrorCode.Internal, null, "A fault of the engine itself.", "Please report it with the message; nothing half-done was committed."),
    ];

    /// <summary>The spelling of a code in reports and JSON.</summary>
    public static string NameOf(SyncErrorCode code) =>
        string.Concat(code.ToString().Select((c, i) => i > 0 && char.IsUpper(c) ? "_" + c : char.ToUpperInvariant(c).ToString()));

    /// <summary>The code of a spelling; <see cref="SyncErrorCode.Internal"/> for one of a newer version.</summary>
    internal static SyncErrorCode CodeNamed(string name) => All.FirstOrDefault(e => NameOf(e.Code) == name)?.Code ?? SyncErrorCode.Internal;
}
