using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Access;

/// <summary>A device of a user.</summary>
/// <param name="Id">As it names itself.</param>
/// <param name="Name">As its user calls it.</param>
/// <param name="Since">When it was first seen.</param>
/// <param name="Seen">When it was last seen, to the hour.</param>
/// <param name="IsRevoked">It is refused.</param>
public sealed record RegisteredDevice(string Id, string? Name, DateTimeOffset Since, DateTimeOffset Seen, bool IsRevoked);

/// <summary>
/// Devices, revocations and refresh tokens. Every request asks the store, so that what is revoked at one node is refused by all with the next request;
/// live connections are told.
/// </summary>
public sealed class AccessService(IAccessStore store, AccessOptions options, ServerEnvironment environment)
{
    /// <summary>Raised when access of a user may have ended, here or (null: of anybody) at another node.</summary>
    public event Action<UserId?>? Moved;

    /// <summary>Raised when it was changed here, for the other nodes.</summary>
    internal event Action<UserId>? Changed;

    private long NowMs => environment.Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Lets a request in, and notes the device it comes from.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="deviceId">From where, when the request says so.</param>
    /// <param name="commands">What it wants to have done.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ServerException">AUTH_FAILED, DEVICE_REVOKED, FORBIDDEN, RATE_LIMITED.</exception>
    public async Task AdmitAsync(Caller caller, string? deviceId, int commands, CancellationToken cancellationToken) =>
        await AdmitAsync(caller, deviceId, commands, await AskAsync(caller, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);

    /// <summary>What a request of the caller is let in by, as it stands now: asked for while the rest of the request is read.</summary>
    internal async Task<IReadOnlyList<AccessEntry>> AskAsync(Caller caller, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return await store.ReadAccessAsync(Spaces.DefaultOf(caller.User), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The same by what was asked for since the request came.</summary>
    internal async Task AdmitAsync(Caller caller, string? deviceId, int commands, IReadOnlyList<AccessEntry> asked, CancellationToken cancellationToken)
    {
        var space = Spaces.DefaultOf(caller.User);
        var book = new AccessBook(asked, NowMs);
        Check(book, caller, deviceId);
        var isCounted = options.CommandsPerHourMax > 0 && commands > 0;
        if (!isCounted && (deviceId is null || !book.IsNoteDue(book.Device(deviceId), caller.TokenId)))
        {
            return;
        }

        var retryAfterMs = await ChangeAsync(space, changed =>
        {
            Check(changed, caller, deviceId); // It may have been revoked since.
            if (isCounted && changed.Count(commands, options.CommandsPerHourMax) is { } wait)
            {
                return wait;
            }

            if (deviceId is not null && changed.IsNoteDue(changed.Device(deviceId), caller.TokenId))
            {
                ThrowIfTooMany(changed, deviceId);
                changed.Note(deviceId, name: null, caller.TokenId);
            }

            return (long?)null;
        }, cancellationToken).ConfigureAwait(false);
        if (retryAfterMs is { } ms)
        {
            throw new ServerException(Problems.Describe(ErrorCodes.RateLimited, $"A user may send {options.CommandsPerHourMax} commands in an hour.") with { RetryAfterMs = ms });
        }
    }

    /// <summary>Would a request of the caller be let in?</summary>
    public async Task<bool> IsAdmittedAsync(Caller caller, string? deviceId, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        var book = new AccessBook(await store.ReadAccessAsync(Spaces.DefaultOf(caller.User), cancellationToken).ConfigureAwait(false), NowMs);
        return !book.IsRevoked(caller.TokenId, caller.IssuedAtMs) && (deviceId is null || book.Device(deviceId) is not { IsRevoked: true });
    }

    /// <summary>Registers a device by name, or lets a revoked one in again.</summary>
    public Task<RegisteredDevice> RegisterAsync(Caller caller, string deviceId, string? name, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        Identifiers.Check("deviceId", deviceId);
        return ChangeAsync(Spaces.DefaultOf(caller.User), book =>
        {
            Check(book, caller, deviceId: null);
            ThrowIfTooMany(book, deviceId);
            book.Note(deviceId, name, caller.TokenId);
            return Of(deviceId, book.Device(deviceId)!);
        }, cancellationToken);
    }

    public async Task<IReadOnlyList<RegisteredDevice>> GetDevicesAsync(UserId user, CancellationToken cancellationToken)
    {
        var book = new AccessBook(await store.ReadAccessAsync(Spaces.DefaultOf(user), cancellationToken).ConfigureAwait(false), NowMs);
        return [.. book.Devices.Select(d => Of(d.Id, d.Note))];
    }

    /// <summary>Refuses a device from now on, with the tokens that only it came with, and ends its live connections.</summary>
    public async Task RevokeDeviceAsync(UserId user, string deviceId, CancellationToken cancellationToken)
    {
        Identifiers.Check("deviceId", deviceId);
        await RevokeAsync(user, book => book.RevokeDevice(deviceId), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Refuses a token from now on; of a session, all of its tokens.</summary>
    public Task RevokeTokenAsync(UserId user, string tokenId, CancellationToken cancellationToken) =>
        RevokeAsync(user, book => book.RevokeToken(tokenId, NowMs + AccessBook.KeptMs), cancellationToken);

    /// <summary>Refuses all tokens of a user that were made before now.</summary>
    public Task RevokeUserAsync(UserId user, CancellationToken cancellationToken) => RevokeAsync(user, book => book.RevokeAll(), cancellationToken);

    /// <summary>Uses a refresh token. Null: it was revoked, or used before; a session whose token comes twice is over.</summary>
    /// <param name="user">Whose session it is.</param>
    /// <param name="session">Its id; its access tokens have the same.</param>
    /// <param name="generation">Of the token that came.</param>
    /// <param name="issuedMs">When the session was made.</param>
    /// <param name="expires">When the last of its tokens runs out, in milliseconds since 1970.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<int?> RefreshAsync(UserId user, string session, int generation, long issuedMs, long expires, CancellationToken cancellationToken)
    {
        var next = await ChangeAsync(Spaces.DefaultOf(user), book => book.IsRevoked(session, issuedMs) ? null : book.Refresh(session, generation, expires), cancellationToken).ConfigureAwait(false);
        if (next is null)
        {
            Tell(user);
        }

        return next;
    }

    /// <summary>Every user who has come with a device or has had something revoked.</summary>
    public async Task<IReadOnlyList<UserId>> GetUsersAsync(CancellationToken cancellationToken) =>
        [.. (await store.GetAccessSpacesAsync(cancellationToken).ConfigureAwait(false)).Select(Spaces.OwnerOf).OfType<UserId>()];

    /// <summary>Keeps what a device tells of the dead letters of one of its files, in place of what it told before.</summary>
    /// <returns>The number of dead letters that it told of.</returns>
    /// <exception cref="ServerException">BAD_REQUEST, or the device is not let in.</exception>
    public async Task<long> ReportDeadLettersAsync(Caller caller, string deviceId, DeadLetterReport report, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(report);
        Identifiers.Check("deviceId", deviceId);
        DeadLetterNotes.Check(report);
        await AdmitAsync(caller, deviceId, commands: 0, cancellationToken).ConfigureAwait(false);
        return await ChangeAsync(
            Spaces.DefaultOf(caller.User),
            book =>
            {
                Check(book, caller, deviceId);
                book.PutDeadLetters(deviceId, report, NowMs + (long)options.DeadLettersKept.TotalMilliseconds);
                return report.DeadLetters.Sum(d => d.Count);
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What devices have told of their dead letters; null: of all users.</summary>
    public async Task<IReadOnlyList<DeviceDeadLetters>> GetDeadLettersAsync(UserId? user, CancellationToken cancellationToken)
    {
        var lines = user is { } one
            ? (await store.ReadAccessAsync(Spaces.DefaultOf(one), cancellationToken).ConfigureAwait(false)).Where(e => e.Kind == DeadLetterNotes.Kind).Select(e => (Space: Spaces.DefaultOf(one), Entry: e))
            : await store.ReadAccessOfKindAsync(DeadLetterNotes.Kind, cancellationToken).ConfigureAwait(false);
        var now = NowMs;
        return
        [
            .. lines.Where(l => l.Entry.Expires > now).Select(l => Spaces.OwnerOf(l.Space) is { } owner ? DeadLetterNotes.Of(owner, l.Entry) : null).OfType<DeviceDeadLetters>()
                .OrderBy(d => d.User, StringComparer.Ordinal).ThenBy(d => d.DeviceId, StringComparer.Ordinal).ThenBy(d => d.StoreId, StringComparer.Ordinal),
        ];
    }

    /// <summary>Another node has changed a user's access; null: it is not known whose.</summary>
    internal void Hear(UserId? user) => Moved?.Invoke(user);

    private async Task RevokeAsync(UserId user, Action<AccessBook> revoke, CancellationToken cancellationToken)
    {
        await ChangeAsync(
            Spaces.DefaultOf(user),
            book =>
            {
                revoke(book);
                return true;
            },
            cancellationToken).ConfigureAwait(false);
        Tell(user);
    }

    private void Tell(UserId user)
    {
        Moved?.Invoke(user);
        Changed?.Invoke(user);
    }

    private static void Check(AccessBook book, Caller caller, string? deviceId)
    {
        if (book.IsRevoked(caller.TokenId, caller.IssuedAtMs))
        {
            throw Problems.Of(ErrorCodes.AuthFailed, "The token was revoked. Sign in again.");
        }

        if (deviceId is not null && book.Device(deviceId) is { IsRevoked: true })
        {
            throw Problems.Of(ErrorCodes.DeviceRevoked, "This device was revoked by its user or an administrator.");
        }
    }

    private void ThrowIfTooMany(AccessBook book, string deviceId)
    {
        if (book.Device(deviceId) is not { IsRevoked: false } && book.Devices.Count(d => !d.Note.IsRevoked) >= options.DevicesPerUserMax)
        {
            throw Problems.Of(ErrorCodes.Forbidden, $"A user may have {options.DevicesPerUserMax} devices; revoke one that is not used any more.");
        }
    }

    private async Task<T> ChangeAsync<T>(SpaceId space, Func<AccessBook, T> change, CancellationToken cancellationToken) => await store.ChangeAccessAsync(
        space,
        entries =>
        {
            var book = new AccessBook(entries, NowMs);
            var result = change(book);
            return (book.Entries, result);
        },
        cancellationToken).ConfigureAwait(false);

    private static RegisteredDevice Of(string id, DeviceNote note) =>
        new(id, note.Name, DateTimeOffset.FromUnixTimeMilliseconds(note.Since), DateTimeOffset.FromUnixTimeMilliseconds(note.Seen), note.IsRevoked);
}
