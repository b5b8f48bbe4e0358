#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server;

/// <summary>Which space a request means, and what the caller may do there. A foreign space and one that does not exist look the same.</summary>
internal static class Spaces
{
    /// <summary>Who is everybody in the list of a catalog's members.</summary>
    public static readonly UserId Everybody = new("*");

    private const string OwnPrefix = SpaceNames.OwnPrefix;
    private const string SharedPrefix = SpaceNames.SharedPrefix;

    /// <summary>Whose own space it is; null: nobody's.</summary>
    public static UserId? OwnerOf(SpaceId space) => space.Value.Length > OwnPrefix.Length && space.Value.StartsWith(OwnPrefix, StringComparison.Ordinal) ? new UserId(space.Value[OwnPrefix.Length..]) : null;

    public static SpaceId DefaultOf(UserId user) => new(OwnPrefix + user.Value);

    public static SpaceId SharedOf(Guid id) => new(SharedPrefix + id.ToString("D"));

    /// <summary>It has members; a catalog has everybody for a reader.</summary>
    public static bool IsShared(SpaceId space) => space.Value.StartsWith(SharedPrefix, StringComparison.Ordinal) || SpaceNames.IsCatalog(space.Value);

    /// <summary>The caller's own space, or a shared one: whether he is a member of it, the snapshot or transaction of the request says (<see cref="RoleAsync"/>).</summary>
    public static SpaceId Resolve(Caller caller, string? asked)
    {
        var own = DefaultOf(caller.User);
        if (asked is not null)
        {
            Identifiers.CheckSpace(asked);
        }

        if (string.IsNullOrEmpty(asked) || asked == own.Value)
        {
            return own;
        }

        return IsShared(new SpaceId(asked)) ? new SpaceId(asked) : throw NotFound();
    }

    /// <summary>What the caller may do, by the very state that is read or written.</summary>
    /// <exception cref="ServerException">SPACE_NOT_FOUND: nothing.</exception>
    public static async ValueTask<string> RoleAsync(IStoreSnapshot snapshot, Caller caller, CancellationToken cancellationToken)
    {
        if (snapshot.Space == DefaultOf(caller.User))
        {
            return SpaceRoles.Owner;
        }

        var role = await snapshot.FindRoleAsync(caller.User, cancellationToken).ConfigureAwait(false)
            ?? (SpaceNames.IsCatalog(snapshot.Space.Value) ? await snapshot.FindRoleAsync(Everybody, cancellationToken).ConfigureAwait(false) : null);
#if TIDEMARK_MUTANTS
        if (Mutants.Is(Mutant.RevocationIgnored))
        {
            return role ?? SpaceRoles.Writer;
        }
#endif
        return role ?? throw NotFound();
    }

    public static ServerException NotFound() => Problems.Of(ErrorCodes.SpaceNotFound, "There is no such space, or it is not yours.");
}
