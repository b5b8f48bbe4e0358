using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Sharing;

/// <summary>Who may make whom a member of what. Pure: what is there goes in, what is there from then on comes out.</summary>
internal sealed class SharingRules(SharingOptions options)
{
    public static SharedSpace Made(SharedSpace shared, UserId by, string? name, bool isCatalog, long now)
    {
        if (shared.Members.Count == 0 && shared.Name is null)
        {
            var owner = new StoredMember(by, SpaceRoles.Owner, now);
            return new SharedSpace(name ?? "", isCatalog ? [owner, new StoredMember(Spaces.Everybody, SpaceRoles.Reader, now)] : [owner], []);
        }

        // The request was repeated; or the id is somebody else's.
        return shared.RoleOf(by) == SpaceRoles.Owner ? shared : throw Spaces.NotFound();
    }

    public SharedSpace Invited(SharedSpace shared, UserId by, StoredInvitation invitation, long now)
    {
        CheckOwner(shared, by);
        CheckRole(invitation.Role);
        var waiting = shared.Invitations.Where(i => i.Expires > now).ToArray();
        return waiting.Length < options.InvitationsMax
            ? shared with { Invitations = [.. waiting, invitation] }
            : throw Problems.Of(ErrorCodes.BadRequest, $"A space may have {options.InvitationsMax} invitations that wait; take one back.");
    }

    public static (SharedSpace Shared, bool Removed) Uninvited(SharedSpace shared, UserId by, string id)
    {
        CheckOwner(shared, by);
        var left = shared.Invitations.Where(i => i.Id != id).ToArray();
        return (shared with { Invitations = left }, left.Length < shared.Invitations.Count);
    }

    /// <summary>Whoever has the secret becomes a member, and the invitation is used up. A member never loses by it: one who may do as much already leaves it as it is.</summary>
    public SharedSpace Joined(SharedSpace shared, UserId user, string secretHash, long now)
    {
        var invitation = shared.Invitations.FirstOrDefault(i => IsSame(i.SecretHash, secretHash) && i.Expires > now)
            ?? throw Problems.Of(ErrorCodes.SpaceNotFound, "The invitation was accepted, was taken back, or has run out.");
        var role = shared.RoleOf(user);
        if (role is not null && RankOf(role) >= RankOf(invitation.Role))
        {
            return shared;
        }

        if (role is null && shared.Active.Count() >= options.MembersMax)
        {
            throw Problems.Of(ErrorCodes.BadRequest, $"A space may have {options.MembersMax} members.");
        }

        return shared with
        {
            Members = [.. shared.Members.Where(m => m.User != user), new StoredMember(user, invitation.Role, now)],
            Invitations = [.. shared.Invitations.Where(i => i.Id != invitation.Id)],
        };
    }

    public static SharedSpace Changed(SharedSpace shared, UserId by, UserId user, string role)
    {
        CheckOwner(shared, by);
        CheckRole(role);
        if (shared.Active.FirstOrDefault(m => m.User == user) is not { } member)
        {
            throw Problems.Of(ErrorCodes.BadRequest, "That user is no member. Members are invited: POST /spaces/invitations.");
        }

        if (role != SpaceRoles.Owner)
        {
            CheckOwnerLeft(shared, user);
        }

        return shared with { Members = [.. shared.Members.Select(m => ReferenceEquals(m, member) ? m with { Role = role } : m)] };
    }

    /// <summary>A member goes: by himself, or because an owner says so.</summary>
    public (SharedSpace Shared, bool Removed) Without(SharedSpace shared, UserId by, UserId user, long now)
    {
        if (by != user)
        {
            CheckOwner(shared, by);
        }

        if (shared.RoleOf(user) is null)
        {
            return by == user ? throw Spaces.NotFound() : (shared, false);
        }

        if (shared.Active.Count() > 1)
        {
            CheckOwnerLeft(shared, user);
        }

        // Nobody who has left can have the secrets of those who stay: what he invited goes with him.
        var removed = shared.Members.Where(m => m.User != user && m.Role == SpaceRoles.Removed).Append(new StoredMember(user, SpaceRoles.Removed, now)).OrderByDescending(m => m.Since).Take(options.MembersMax);
        return (shared with { Members = [.. shared.Active.Where(m => m.User != user), .. removed], Invitations = [.. shared.Invitations.Where(i => i.By != user)] }, true);
    }

    private static void CheckOwner(SharedSpace shared, UserId by)
    {
        var role = shared.RoleOf(by) ?? throw Spaces.NotFound();
        if (role != SpaceRoles.Owner)
        {
            throw Problems.Of(ErrorCodes.Forbidden, $"Only an owner of the space may do this; you are a {role}.");
        }
    }

    private static void CheckOwnerLeft(SharedSpace shared, UserId user)
    {
        if (!shared.Active.Any(m => m.User != user && m.Role == SpaceRoles.Owner))
        {
            throw Problems.Of(ErrorCodes.BadRequest, "The last owner of a space that has other members stays one. Make somebody else an owner first.");
        }
    }

    private static void CheckRole(string role)
    {
        if (!SpaceRoles.IsRole(role))
        {
            throw Problems.Of(ErrorCodes.BadRequest, "role must be owner, writer or reader.");
        }
    }

    private static int RankOf(string role) => role switch { SpaceRoles.Owner => 2, SpaceRoles.Writer => 1, _ => 0 };

    private static bool IsSame(string a, string b) =>
        System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(System.Text.Encoding.ASCII.GetBytes(a), System.Text.Encoding.ASCII.GetBytes(b));
}
