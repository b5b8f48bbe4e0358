using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Model.Protocol;

namespace Tidemark.Cli.Sharing;

internal static class MemberVerbs
{
    public static Command List()
    {
        var space = SpacesCommand.Space();
        return SpaceVerb.Of(
            "members", "Who is a member of a space.", async (context, spaces, cancellationToken) => Show(context.Out, await spaces.GetMembersAsync(context.Get(space), cancellationToken)), space);
    }

    public static Command Role()
    {
        var (space, user, role) = (SpacesCommand.Space(), SpacesCommand.User(), SpacesCommand.RoleArgument());
        return SpaceVerb.Of(
            "role",
            "Give a member another role.",
            async (context, spaces, cancellationToken) =>
                Show(context.Out, await spaces.ChangeMemberAsync(new MemberChange { Space = context.Get(space), User = context.Get(user), Role = context.Get(role) }, cancellationToken)),
            space, user, role);
    }

    public static Command Remove()
    {
        var (space, user) = (SpacesCommand.Space(), SpacesCommand.User());
        return SpaceVerb.Of(
            "remove",
            "Take a member out of a space; holds at once.",
            async (context, spaces, cancellationToken) => Show(context.Out, await spaces.RemoveMemberAsync(context.Get(space), context.Get(user), cancellationToken), "Removed.", "Was no member."),
            space, user);
    }

    public static Command Leave()
    {
        var space = SpacesCommand.Space();
        return SpaceVerb.Of(
            "leave",
            "Leave a space. The next sync takes its rows out of the file; what was not sent is kept as dead letters.",
            async (context, spaces, cancellationToken) => Show(context.Out, await spaces.LeaveSpaceAsync(new LeaveRequest { Space = context.Get(space) }, cancellationToken), "Left.", "Was no member."),
            space);
    }

    public static void Show(Out output, SpaceRemoved answer, string yes, string no)
    {
        output.Line(answer.Removed ? yes : no);
        output.Document(new { removed = answer.Removed });
    }

    private static void Show(Out output, SpaceMembers members)
    {
        var table = Tables.Of("user", "role", "since");
        foreach (var member in members.Members)
        {
            table.Row(member.User, member.Role, member.Since);
        }

        output.Write(table);
        output.Document(new { space = members.Space, members = members.Members.Select(m => new { user = m.User, role = m.Role, since = m.Since }) });
    }
}
