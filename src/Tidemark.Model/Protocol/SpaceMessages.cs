using System.Text.Json.Serialization;

namespace Tidemark.Model.Protocol;

/// <summary>What a member may do in a space.</summary>
public static class SpaceRoles
{
    /// <summary>Reads, writes, invites and says who is a member.</summary>
    public const string Owner = "owner";

    /// <summary>Reads and writes.</summary>
    public const string Writer = "writer";

    /// <summary>Reads; every command is refused with FORBIDDEN.</summary>
    public const string Reader = "reader";

    /// <summary>Was a member and is none any more: what a device waits to hear before it takes the rows away.</summary>
    public const string Removed = "removed";

    public static bool IsRole(string? role) => role is Owner or Writer or Reader;

    public static bool MayWrite(string role) => role is Owner or Writer;
}

/// <summary>What names of spaces tell of them.</summary>
public static class SpaceNames
{
    public const string OwnPrefix = "u:";
    public const string SharedPrefix = "s:";

    /// <summary>Of catalogs: everybody reads, those who are invited write.</summary>
    public const string CatalogPrefix = "c:";

    public static bool IsCatalog(string space) => space is not null && space.StartsWith(CatalogPrefix, StringComparison.Ordinal);

    public static bool IsCatalogName(string name) => Entities.SpaceChecks.IsCatalogName(name ?? "");
}

/// <summary>POST /spaces: makes a shared space whose owner is the caller.</summary>
public sealed record SpaceRequest
{
    /// <summary>`s:` and a UUID of the caller's, so that the request may be repeated; or, for administrators, `c:` and the name of a catalog. Null: the server makes one.</summary>
    public string? Space { get; init; }

    /// <summary>For people.</summary>
    public string? Name { get; init; }
}

/// <summary>One member of a shared space.</summary>
public sealed record SpaceMember
{
    public required string User { get; init; }

    /// <summary>owner, writer or reader.</summary>
    public required string Role { get; init; }

    /// <summary>Since when: ISO 8601 UTC.</summary>
    public required string Since { get; init; }
}

/// <summary>Everybody who is a member.</summary>
public sealed record SpaceMembers : IJsonOnDeserialized
{
    public required string Space { get; init; }

    public IReadOnlyList<SpaceMember> Members { get => field ?? []; init; }

    void IJsonOnDeserialized.OnDeserialized() => NoNulls.In(Members, "members");
}

/// <summary>PUT /spaces/members: gives a member another role. Nobody is made a member without an invitation.</summary>
public sealed record MemberChange
{
    public required string Space { get; init; }

    public required string User { get; init; }

    public required string Role { get; init; }
}

/// <summary>POST /spaces/invitations.</summary>
public sealed record InvitationRequest
{
    public required string Space { get; init; }

    /// <summary>What whoever accepts it becomes: writer when null.</summary>
    public string? Role { get; init; }

    /// <summary>7 days when null.</summary>
    public long? ExpiresInMs { get; init; }
}

/// <summary>An invitation that waits to be accepted: by anybody who has its token, once.</summary>
public sealed record SpaceInvitation
{
    public required string Id { get; init; }

    public required string Space { get; init; }

    public required string Role { get; init; }

    public required string InvitedBy { get; init; }

    public required string ExpiresAt { get; init; }

    /// <summary>Told once, in the answer to the request that made it.</summary>
    public string? Token { get; init; }
}

/// <summary>The invitations of a space that wait.</summary>
public sealed record SpaceInvitations : IJsonOnDeserialized
{
    public IReadOnlyList<SpaceInvitation> Invitations { get => field ?? []; init; }

    void IJsonOnDeserialized.OnDeserialized() => NoNulls.In(Invitations, "invitations");
}

/// <summary>POST /spaces/join.</summary>
public sealed record JoinRequest
{
    public required string Token { get; init; }
}

/// <summary>POST /spaces/leave.</summary>
public sealed record LeaveRequest
{
    public required string Space { get; init; }
}

/// <summary>What a request took away is gone.</summary>
public sealed record SpaceRemoved
{
    /// <summary>False: it was gone before.</summary>
    public required bool Removed { get; init; }
}
