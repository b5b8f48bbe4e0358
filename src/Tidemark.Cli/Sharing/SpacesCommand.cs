using System.CommandLine;
using Tidemark.Cli.Running;

namespace Tidemark.Cli.Sharing;

/// <summary>`tidemark spaces ...`: what is shared with whom.</summary>
internal static class SpacesCommand
{
    private static readonly string[] Roles = ["owner", "writer", "reader"];

    public static Command Create() => Verb.Create(
        "spaces",
        "Spaces on the server: list, create, members, role, invite, invitations, uninvite, join, remove, leave. The next sync of a file brings their rows or takes them away.",
        SpaceVerbs.List(),
        SpaceVerbs.Make(),
        MemberVerbs.List(),
        MemberVerbs.Role(),
        MemberVerbs.Remove(),
        MemberVerbs.Leave(),
        InvitationVerbs.Invite(),
        InvitationVerbs.List(),
        InvitationVerbs.Uninvite(),
        InvitationVerbs.Join());

    public static Argument<string> Space() => new("SPACE") { Description = "The space's id, as `spaces list` shows it." };

    public static Argument<string> User() => new("USER") { Description = "The member's name." };

    public static Option<string> RoleOption()
    {
        var role = new Option<string>("--role") { Description = "owner, writer or reader.", HelpName = "ROLE", DefaultValueFactory = _ => "writer" };
        role.AcceptOnlyFromAmong(Roles);
        return role;
    }

    public static Argument<string> RoleArgument()
    {
        var role = new Argument<string>("ROLE") { Description = "owner, writer or reader." };
        role.AcceptOnlyFromAmong(Roles);
        return role;
    }
}
