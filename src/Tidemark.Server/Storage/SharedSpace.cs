using Tidemark.Model.Values;

namespace Tidemark.Server.Storage;

/// <summary>One member of a shared space.</summary>
/// <param name="User">Who.</param>
/// <param name="Role">One of <see cref="Model.Protocol.SpaceRoles"/>; removed ones are remembered, so that a device hears it and need not conclude it.</param>
/// <param name="Since">Milliseconds since 1970.</param>
public sealed record StoredMember(UserId User, string Role, long Since);

/// <summary>An invitation that nobody has accepted yet.</summary>
/// <param name="Id">For people; tells nothing of the secret.</param>
/// <param name="SecretHash">Lower-case hex SHA-256 of the secret: whoever reads the database can accept nothing.</param>
/// <param name="Role">What whoever accepts it becomes.</param>
/// <param name="By">Who made it.</param>
/// <param name="Expires">Milliseconds since 1970.</param>
public sealed record StoredInvitation(string Id, string SecretHash, string Role, UserId By, long Expires);

/// <summary>Who is a member of a space, and who may become one. Bounded, so that it is read and written whole.</summary>
public sealed record SharedSpace(string? Name, IReadOnlyList<StoredMember> Members, IReadOnlyList<StoredInvitation> Invitations)
{
    /// <summary>A space that is not shared.</summary>
    public static SharedSpace None { get; } = new(null, [], []);

    /// <summary>Those who are members now; <see cref="Members"/> remembers who was removed, too.</summary>
    public IEnumerable<StoredMember> Active => Members.Where(m => m.Role != Model.Protocol.SpaceRoles.Removed);

    public string? RoleOf(UserId user) => Active.FirstOrDefault(m => m.User == user)?.Role;
}

/// <summary>A space that a user is or was a member of.</summary>
public sealed record Membership(SpaceId Space, string Role, string? Name);
