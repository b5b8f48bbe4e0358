using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server;

/// <summary>Which space a request means. A foreign space and one that does not exist look the same.</summary>
internal static class Spaces
{
    public static SpaceId DefaultOf(UserId user) => new("u:" + user.Value);

    public static SpaceId Resolve(Caller caller, string? asked)
    {
        var own = DefaultOf(caller.User);
        if (asked is not null)
        {
            Identifiers.CheckSpace(asked);
        }

        return string.IsNullOrEmpty(asked) || asked == own.Value
            ? own
            : throw Problems.Of(ErrorCodes.SpaceNotFound, "There is no such space, or it is not yours.");
    }
}
