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

    public static WireOperation SnapshotManifest { get; } = new(
        "getSnapshotManifest",
        Spaces,
        "Whether a file with all rows of a space is offered, and which.",
        "For members; the query says which space, the default one when it does not. A first fetch of many rows is faster with it; pages go on at its cursor.",
        ErrorCodes.BadRequest,
        ErrorCodes.SpaceNotFound);

    public static WireOperation Snapshot { get; } = new(
        "getSnapshot",
        Spaces,
        "All rows of a space as a SQLite file.",
        "ETag and ranges (RFC 9110) work: send If-Range with the ETag to go on where a download stopped.",
        ErrorCodes.BadRequest,
        ErrorCodes.SpaceNotFound);

    public static WireOperation CatalogManifest { get; } = new(
        "getCatalogManifest", Spaces, "The newest file of a catalog.", "For everybody who is signed in.", ErrorCodes.BadRequest, ErrorCodes.SpaceNotFound);

    public static WireOperation CatalogSnapshot { get; } = new(
        "getCatalogSnapshot", Spaces, "All rows of a catalog as a SQLite file, to be shipped with an app.", "Its cursor is in it. ETag and ranges work.", ErrorCodes.BadRequest, ErrorCodes.SpaceNotFound);
}
