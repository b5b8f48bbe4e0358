using Tidemark.Client.Errors;
using Tidemark.Model.Entities;

namespace Tidemark.Client.Remotes.Several;

/// <summary>
/// A backend among several. It shows rows and takes rows; what becomes of them in the file is decided by the one coordinator, and nothing here can reach the file.
/// Tokens and versions are the backend's own words, never compared. Trouble of a whole call is a <see cref="SyncException"/>, whose code and RetryAfter say
/// what to do: wait, sign in, or leave this remote alone.
/// </summary>
public interface IStagedRemote
{
    /// <summary>What the backend can do. Fixed once it is opened.</summary>
    RemoteCapabilities Capabilities { get; }

    /// <summary>Makes sure that the backend takes the types, and has the same fields encrypted as this device; says whose data it holds.</summary>
    /// <param name="model">The types as a remote keeps them.</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task<RemoteAccount> OpenAsync(SyncModel model, CancellationToken cancellationToken);

    /// <summary>What has changed since the token; everything, when there is none.</summary>
    /// <exception cref="TokenExpiredException">The backend cannot go on from the token: list everything.</exception>
    Task<RemotePage> PullAsync(string? token, int limit, CancellationToken cancellationToken);

    /// <summary>Rows as they are now. One that is not there is shown as deleted, or left out. Only with <see cref="RemoteCapabilities.Lookup"/>.</summary>
    Task<IReadOnlyList<RemoteRow>> LookupAsync(IReadOnlyList<RemoteRowId> rows, CancellationToken cancellationToken);

    /// <summary>Writes rows, each by itself: one outcome for each, in order. Sent again after a lost answer it does no harm.</summary>
    Task<IReadOnlyList<RemoteOutcome>> PushAsync(RemotePush push, CancellationToken cancellationToken);
}

/// <summary>What a backend can do; the coordinator does without what is missing.</summary>
public sealed record RemoteCapabilities
{
    /// <summary>Rows have room for <see cref="RemoteModel.StampsField"/>. Without it every change there counts as one by a writer that knows no stamps.</summary>
    public bool Stamps { get; init; } = true;

    /// <summary>A write can be made to depend on the version it is based on. Without it rows are looked up before they are written (<see cref="Lookup"/>); without that too the last write wins there, until those who lost bring theirs again.</summary>
    public bool ConditionalWrites { get; init; } = true;

    /// <summary>A pull tells of rows that were deleted for good. Without it everything is listed once an hour, and what is not in the listing was deleted.</summary>
    public bool Tombstones { get; init; } = true;

    public bool Lookup { get; init; } = true;

    /// <summary>A write sets the fields it has and leaves the others. Without it a write is the whole row, with what this device does not know put back.</summary>
    public bool Patches { get; init; } = true;

    /// <summary>False: nothing is ever written there.</summary>
    public bool Writable { get; init; } = true;

    /// <summary>Rows of a page.</summary>
    public int PageRowsMax { get; init; } = 1000;

    /// <summary>Rows of a push.</summary>
    public int PushRowsMax { get; init; } = 500;

    /// <summary>Bytes of the fields of a push.</summary>
    public int PushBytesMax { get; init; } = 4 * 1024 * 1024;
}

/// <summary>Whose data a backend holds.</summary>
/// <param name="User">Who is signed in there; another one is another remote.</param>
public sealed record RemoteAccount(string User);

/// <summary>A row by type and key in wire form.</summary>
public readonly record struct RemoteRowId(string Type, string Key);

/// <summary>A row as the backend shows it.</summary>
public sealed record RemoteRow
{
    public required string Type { get; init; }

    /// <summary>In wire form: the JSON value of a single key, an array for a composite one.</summary>
    public required string Key { get; init; }

    /// <summary>The backend's word for this state of the row.</summary>
    public required string Version { get; init; }

    /// <summary>The row is gone for good; it has no fields.</summary>
    public bool IsDeleted { get; init; }

    /// <summary>When it was last written there, in milliseconds since 1970 by the backend's clock; for edits without stamps, nothing else.</summary>
    public long ModifiedMs { get; init; }

    /// <summary>The fields as a JSON object, as they came.</summary>
    public ReadOnlyMemory<byte> Fields { get; init; }
}

/// <summary>A page of changes.</summary>
/// <param name="Rows">The rows; a row may come more than once.</param>
/// <param name="Token">Goes on behind this page.</param>
/// <param name="HasMore">There is more already.</param>
/// <param name="Epoch">The incarnation of the data: another one after the backend was emptied or restored. Null: it has no word for that.</param>
public sealed record RemotePage(IReadOnlyList<RemoteRow> Rows, string Token, bool HasMore, string? Epoch = null);

/// <summary>Rows to write.</summary>
/// <param name="Sequence">Rises with every push of this file to this remote.</param>
/// <param name="StoreId">This file.</param>
/// <param name="DeviceId">This installation.</param>
/// <param name="Writes">No row twice.</param>
public sealed record RemotePush(long Sequence, string StoreId, string DeviceId, IReadOnlyList<RemoteWrite> Writes);

/// <summary>One row to write.</summary>
public sealed record RemoteWrite
{
    public required string Type { get; init; }

    public required string Key { get; init; }

    /// <summary>The version it is based on; null: there is no such row there.</summary>
    public string? Expected { get; init; }

    /// <summary>Delete it for good: only where there is no room to mark it.</summary>
    public bool IsDeletion { get; init; }

    /// <summary>The fields to set, as a JSON object without those of the key.</summary>
    public ReadOnlyMemory<byte> Fields { get; init; }
}

/// <summary>What became of a write.</summary>
public enum RemoteOutcomeKind
{
    /// <summary>Done.</summary>
    Written,

    /// <summary>The row is another one than expected: read it and merge.</summary>
    Conflict,

    /// <summary>Not now; it waits.</summary>
    Later,

    /// <summary>Never, as it is: shown, and held back for this remote until the row changes.</summary>
    Refused,
}

/// <summary>What became of one write.</summary>
public sealed record RemoteOutcome
{
    public required RemoteOutcomeKind Kind { get; init; }

    /// <summary>With <see cref="RemoteOutcomeKind.Written"/>: the version now.</summary>
    public string? Version { get; init; }

    /// <summary>With <see cref="RemoteOutcomeKind.Conflict"/>: the row as it is, when the backend tells.</summary>
    public RemoteRow? Current { get; init; }

    public string? Code { get; init; }

    public string? Message { get; init; }
}

/// <summary>The backend cannot go on from a token.</summary>
/// <param name="isReset">The data are another incarnation: what is missing in them was not deleted by anybody.</param>
/// <param name="message">Why.</param>
public sealed class TokenExpiredException(bool isReset, string message) : SyncException(SyncErrorCode.ResyncRequired, message, retryable: true)
{
    public bool IsReset { get; } = isReset;
}
