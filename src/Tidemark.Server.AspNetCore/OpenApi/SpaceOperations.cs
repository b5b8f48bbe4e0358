using Tidemark.Model.Protocol;

namespace Tidemark.Server.AspNetCore.OpenApi;

/// <summary>The texts of what is shared.</summary>
internal static class SpaceOperations
{
    private const string Spaces = "spaces";

    public static WireOperation Make { get; } = new(
        "makeSpace",
        Spaces,
        "Makes a shared space; the caller is its owner.",
        "With an id of the caller's own (s: and a UUID) the request may be repeated.",
        ErrorCodes.BadRequest,
        ErrorCodes.SpaceNotFound,
        ErrorCodes.TooLarge);

    public static WireOperation Members { get; } = new(
        "getMembers", Spaces, "The members of a shared space.", "For members. The query says which space.", ErrorCodes.BadRequest, ErrorCodes.SpaceNotFound);

    public static WireOperation ChangeMember { get; } = new(
        "changeMember",
        Spaces,
        "Gives a member another role: owner, writer or reader.",
        "For owners. It holds for every request that begins afterwards. Nobody becomes a member by it: members accept an invitation.",
        ErrorCodes.BadRequest,
        ErrorCodes.Forbidden,
        ErrorCodes.SpaceNotFound,
        ErrorCodes.TooLarge);

    public static WireOperation RemoveMember { get; } = new(
        "removeMember",
        Spaces,
        "Takes a member out of a shared space.",
        "For owners, and for oneself. It holds for every request that begins afterwards; live connections to the space end. The query says which space and user.",
        ErrorCodes.BadRequest,
        ErrorCodes.Forbidden,
        ErrorCodes.SpaceNotFound);

    public static WireOperation Invitations { get; } = new(
        "getInvitations", Spaces, "The invitations of a space that wait.", "For owners. The query says which space. Tokens are not told again.", ErrorCodes.BadRequest, ErrorCodes.Forbidden, ErrorCodes.SpaceNotFound);

    public static WireOperation Invite { get; } = new(
        "invite",
        Spaces,
        "Makes an invitation.",
        "For owners. Whoever has the token may accept it, once, until it expires. The server keeps a hash of it.",
        ErrorCodes.BadRequest,
        ErrorCodes.Forbidden,
        ErrorCodes.SpaceNotFound,
        ErrorCodes.TooLarge);

    public static WireOperation Uninvite { get; } = new(
        "uninvite", Spaces, "Takes an invitation back.", "For owners. The query says which space and the invitation's id. May be repeated.", ErrorCodes.BadRequest, ErrorCodes.Forbidden, ErrorCodes.SpaceNotFound);

    public static WireOperation Join { get; } = new(
        "joinSpace",
        Spaces,
        "Accepts an invitation.",
        "The caller is a member from now on, with the role of the invitation. One who may do as much already is left as he is, and the invitation waits for another.",
        ErrorCodes.BadRequest,
        ErrorCodes.SpaceNotFound,
        ErrorCodes.TooLarge);

    public static WireOperation Leave { get; } = new(
        "leaveSpace",
        Spaces,
        "The caller is a member no longer.",
        "The last owner of a space that has other members makes somebody else an owner first. When the last member leaves, the rows stay on the server and nobody reads them.",
        ErrorCodes.BadRequest,
        ErrorCodes.SpaceNotFound,
        ErrorCodes.TooLarge);
}
