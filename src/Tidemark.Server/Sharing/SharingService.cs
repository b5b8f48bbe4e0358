using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Sharing;

/// <summary>Shared spaces: made, joined, left. What changes who is a member is a transaction of the space, so that it stands before or behind every push.</summary>
/// <param name="store">Where it is kept.</param>
/// <param name="options">Its bounds.</param>
/// <param name="environment">Time and secrets.</param>
/// <param name="changed">Who is a member of the space has changed.</param>
internal sealed class SharingService(IServerStore store, SharingOptions options, ServerEnvironment environment, Func<SpaceId, CancellationToken, Task> changed)
{
    private const int NameCharactersMax = 200;
    private readonly SharingRules _rules = new(options);

    private long NowMs => environment.Time.GetUtcNow().ToUnixTimeMilliseconds();

    public async Task<IReadOnlyList<SpaceInfo>> ListAsync(Caller caller, bool withLeft, Func<SpaceId, Task<SpaceState>> stateOf, CancellationToken cancellationToken)
    {
        var home = Spaces.DefaultOf(caller.User);
        var spaces = new List<SpaceInfo> { Info(home, await stateOf(home).ConfigureAwait(false), SpaceRoles.Owner, null) with { Default = true } };
        var own = await store.ReadMembershipsAsync(caller.User, cancellationToken).ConfigureAwait(false);
        var everybodys = await store.ReadMembershipsAsync(Spaces.Everybody, cancellationToken).ConfigureAwait(false);
        foreach (var membership in own.Where(m => m.Role != SpaceRoles.Removed || withLeft).Concat(everybodys).DistinctBy(m => m.Space))
        {
            if (membership.Role != SpaceRoles.Removed)
            {
                spaces.Add(Info(membership.Space, await stateOf(membership.Space).ConfigureAwait(false), membership.Role, membership.Name));
            }
            else
            {
                spaces.Add(new SpaceInfo { Space = membership.Space.Value, Role = membership.Role, Epoch = "" }); // Where it is now is none of his business.
            }
        }

        return spaces;
    }

    /// <summary>The caller's own space, and those he may read.</summary>
    public async Task<IReadOnlyList<SpaceId>> SpacesOfAsync(Caller caller, CancellationToken cancellationToken)
    {
        var own = await store.ReadMembershipsAsync(caller.User, cancellationToken).ConfigureAwait(false);
        var everybodys = await store.ReadMembershipsAsync(Spaces.Everybody, cancellationToken).ConfigureAwait(false);
        return [Spaces.DefaultOf(caller.User), .. own.Where(m => m.Role != SpaceRoles.Removed).Concat(everybodys).Select(m => m.Space).Distinct()];
    }

    public async Task<SpaceInfo> MakeAsync(Caller caller, SpaceRequest request, CancellationToken cancellationToken)
    {
        if (request.Name is { } name && (name.Length > NameCharactersMax || name.Any(char.IsControl)))
        {
            throw Problems.Of(ErrorCodes.BadRequest, $"name may have {NameCharactersMax} characters, none of them a control character.");
        }

        var space = NewSpace(caller, request.Space);
        await CheckCountAsync(caller, cancellationToken).ConfigureAwait(false);
        return await ChangeAsync(space, mustBeThere: false, s => (SharingRules.Made(s, caller.User, request.Name, SpaceNames.IsCatalog(space.Value), NowMs), 0), (s, state, _) => InfoFor(caller, space, s, state), cancellationToken).ConfigureAwait(false);
    }

    private SpaceId NewSpace(Caller caller, string? asked)
    {
        if (asked is null)
        {
            return Spaces.SharedOf(environment.NewId());
        }

        if (SpaceNames.IsCatalog(asked) && SpaceNames.IsCatalogName(asked[SpaceNames.CatalogPrefix.Length..]))
        {
            return caller.IsAdministrator ? new SpaceId(asked) : throw Problems.Of(ErrorCodes.Forbidden, "Only administrators make catalogs.");
        }

        return Guid.TryParseExact(asked.StartsWith(SpaceNames.SharedPrefix, StringComparison.Ordinal) ? asked[SpaceNames.SharedPrefix.Length..] : "", "D", out var id) && Spaces.SharedOf(id).Value == asked
            ? new SpaceId(asked)
            : throw Problems.Of(ErrorCodes.BadRequest, "space is s: and a UUID in lower case, c: and the name of a catalog, or is left out.");
    }

    public async Task<SpaceMembers> MembersAsync(Caller caller, SpaceId space, CancellationToken cancellationToken)
    {
        var shared = await ReadAsync(space, cancellationToken).ConfigureAwait(false);
        return shared.RoleOf(caller.User) is null ? throw Spaces.NotFound() : Members(space, shared);
    }

    public Task<SpaceMembers> ChangeRoleAsync(Caller caller, MemberChange change, CancellationToken cancellationToken)
    {
        var space = Shared(change.Space);
        return ChangeAsync(space, mustBeThere: true, s => (SharingRules.Changed(s, caller.User, new UserId(change.User), change.Role), 0), (s, _, _) => Members(space, s), cancellationToken);
    }

    public Task<SpaceRemoved> RemoveAsync(Caller caller, string space, string user, CancellationToken cancellationToken) =>
        ChangeAsync(Shared(space), mustBeThere: true, s => _rules.Without(s, caller.User, new UserId(user), NowMs), (_, _, removed) => new SpaceRemoved { Removed = removed }, cancellationToken);

    public async Task<SpaceInvitations> InvitationsAsync(Caller caller, SpaceId space, CancellationToken cancellationToken)
    {
        var shared = await ReadAsync(space, cancellationToken).ConfigureAwait(false);
        return shared.RoleOf(caller.User) switch
        {
            SpaceRoles.Owner => new SpaceInvitations { Invitations = [.. shared.Invitations.Where(i => i.Expires > NowMs).Select(i => Invitation(space, i))] },
            null => throw Spaces.NotFound(),
            _ => throw Problems.Of(ErrorCodes.Forbidden, "Only an owner of the space sees its invitations."),
        };
    }

    public Task<SpaceInvitation> InviteAsync(Caller caller, InvitationRequest request, CancellationToken cancellationToken)
    {
        var space = Shared(request.Space);
        var lasts = request.ExpiresInMs is { } ms ? TimeSpan.FromMilliseconds(Math.Clamp(ms, 0, (double)long.MaxValue / TimeSpan.TicksPerDay)) : options.InvitationTime;
        if (lasts <= TimeSpan.Zero || lasts > options.InvitationTimeMax)
        {
            throw Problems.Of(ErrorCodes.BadRequest, $"expiresInMs must be 1 to {options.InvitationTimeMax.TotalMilliseconds:0}.");
        }

        var secret = environment.RandomBytes(InvitationToken.SecretBytes);
        var made = new StoredInvitation(environment.NewId().ToString("D"), InvitationToken.HashOf(secret), request.Role ?? SpaceRoles.Writer, caller.User, NowMs + (long)lasts.TotalMilliseconds);
        return ChangeAsync(space, mustBeThere: true, s => (_rules.Invited(s, caller.User, made, NowMs), 0), (_, _, _) => Invitation(space, made) with { Token = InvitationToken.Of(space, secret) }, cancellationToken);
    }

    public Task<SpaceRemoved> UninviteAsync(Caller caller, string space, string id, CancellationToken cancellationToken) =>
        ChangeAsync(Shared(space), mustBeThere: true, s => SharingRules.Uninvited(s, caller.User, id), (_, _, removed) => new SpaceRemoved { Removed = removed }, cancellationToken);

    public async Task<SpaceInfo> JoinAsync(Caller caller, JoinRequest request, CancellationToken cancellationToken)
    {
        var (space, secretHash) = InvitationToken.Read(request.Token);
        await CheckCountAsync(caller, cancellationToken).ConfigureAwait(false);
        return await ChangeAsync(
            Shared(space.Value), mustBeThere: true, s => (_rules.Joined(s, caller.User, secretHash, NowMs), 0), (s, state, _) => InfoFor(caller, space, s, state), cancellationToken).ConfigureAwait(false);
    }

    private async Task CheckCountAsync(Caller caller, CancellationToken cancellationToken)
    {
        if ((await store.ReadMembershipsAsync(caller.User, cancellationToken).ConfigureAwait(false)).Count(m => m.Role != SpaceRoles.Removed) >= options.SpacesPerUserMax)
        {
            throw Problems.Of(ErrorCodes.BadRequest, $"A user may be a member of {options.SpacesPerUserMax} spaces.");
        }
    }

    private async Task<SharedSpace> ReadAsync(SpaceId space, CancellationToken cancellationToken) =>
        await StoreRetries.RunAsync(
            environment,
            async () =>
            {
                var snapshot = await store.ReadAsync(Shared(space.Value), cancellationToken).ConfigureAwait(false);
                await using (snapshot.ConfigureAwait(false))
                {
                    return await snapshot.ReadSharedAsync(cancellationToken).ConfigureAwait(false);
                }
            },
            cancellationToken).ConfigureAwait(false);

    // Decided by what is read under the space's turn. A space that is not there is not made for the sake of a refusal.
    private async Task<T> ChangeAsync<TResult, T>(
        SpaceId space, bool mustBeThere, Func<SharedSpace, (SharedSpace Shared, TResult Result)> change, Func<SharedSpace, SpaceState, TResult, T> answer, CancellationToken cancellationToken)
    {
        if (mustBeThere && (await ReadAsync(space, cancellationToken).ConfigureAwait(false)).Members.Count == 0)
        {
            throw Spaces.NotFound();
        }

        var result = await StoreRetries.RunAsync(
            environment,
            async () =>
            {
                var transaction = await store.WriteAsync(space, Position.None, cancellationToken).ConfigureAwait(false);
                await using (transaction.ConfigureAwait(false))
                {
                    var (shared, result) = change(await transaction.ReadSharedAsync(cancellationToken).ConfigureAwait(false));
                    await transaction.PutSharedAsync(shared, cancellationToken).ConfigureAwait(false);
                    await transaction.SealAsync(cancellationToken).ConfigureAwait(false);
                    await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
                    return answer(shared, transaction.State!, result);
                }
            },
            cancellationToken).ConfigureAwait(false);
        await changed(space, cancellationToken).ConfigureAwait(false);
        return result;
    }

    private static SpaceId Shared(string space)
    {
        Identifiers.CheckSpace(space);
        return Spaces.IsShared(new SpaceId(space)) ? new SpaceId(space) : throw Spaces.NotFound();
    }

    private static SpaceInfo InfoFor(Caller caller, SpaceId space, SharedSpace shared, SpaceState state) =>
        Info(space, state, shared.RoleOf(caller.User) ?? throw Spaces.NotFound(), shared.Name);

    private static SpaceInfo Info(SpaceId space, SpaceState state, string role, string? name) =>
        new() { Space = space.Value, Role = role, Epoch = state.Epoch, Head = state.Head.Position, Name = string.IsNullOrEmpty(name) ? null : name };

    private static SpaceMembers Members(SpaceId space, SharedSpace shared) => new()
    {
        Space = space.Value,
        Members = [.. shared.Active.Where(m => m.User != Spaces.Everybody).OrderBy(m => m.User.Value, StringComparer.Ordinal).Select(m => new SpaceMember { User = m.User.Value, Role = m.Role, Since = TextOf(m.Since) })],
    };

    private static SpaceInvitation Invitation(SpaceId space, StoredInvitation invitation) => new()
    {
        Id = invitation.Id,
        Space = space.Value,
        Role = invitation.Role,
        InvitedBy = invitation.By.Value,
        ExpiresAt = TextOf(invitation.Expires),
    };

    private static string TextOf(long ms) => WireTime.ToText(DateTimeOffset.FromUnixTimeMilliseconds(ms));
}
