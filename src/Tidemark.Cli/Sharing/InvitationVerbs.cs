using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Model.Protocol;

namespace Tidemark.Cli.Sharing;

internal static class InvitationVerbs
{
    public static Command Invite()
    {
        var (space, role) = (SpacesCommand.Space(), SpacesCommand.RoleOption());
        var expires = new Option<string?>("--expires") { Description = "How long it waits, such as 30m, 12h or 7d. Default: the server's, 7 days.", HelpName = "TIME" };
        return SpaceVerb.Of(
            "invite",
            "Make an invitation and print its token; whoever has it may join, once.",
            async (context, spaces, cancellationToken) =>
            {
                long? lasts = context.Get(expires) is { } text ? (long)Duration.Parse(text).TotalMilliseconds : null;
                var made = await spaces.InviteAsync(new InvitationRequest { Space = context.Get(space), Role = context.Get(role), ExpiresInMs = lasts }, cancellationToken);
                context.Out.Line(made.Token!);
                context.Out.Document(DocumentOf(made));
            },
            space, role, expires);
    }

    public static Command List()
    {
        var space = SpacesCommand.Space();
        return SpaceVerb.Of(
            "invitations",
            "The invitations of a space that wait.",
            async (context, spaces, cancellationToken) =>
            {
                var waiting = (await spaces.GetInvitationsAsync(context.Get(space), cancellationToken)).Invitations;
                var table = Tables.Of("id", "role", "invited by", "until");
                foreach (var invitation in waiting)
                {
                    table.Row(invitation.Id, invitation.Role, invitation.InvitedBy, invitation.ExpiresAt);
                }

                context.Out.Write(table);
                context.Out.Document(new { invitations = waiting.Select(DocumentOf) });
            },
            space);
    }

    public static Command Uninvite()
    {
        var space = SpacesCommand.Space();
        var id = new Argument<string>("ID") { Description = "The invitation's id, as `spaces invitations` shows it." };
        return SpaceVerb.Of(
            "uninvite",
            "Take an invitation back.",
            async (context, spaces, cancellationToken) =>
                MemberVerbs.Show(context.Out, await spaces.UninviteAsync(context.Get(space), context.Get(id), cancellationToken), "Taken back.", "There was none."),
            space, id);
    }

    public static Command Join()
    {
        var invitation = new Argument<string>("INVITATION") { Description = "The token that `spaces invite` printed." };
        return SpaceVerb.Of(
            "join",
            "Accept an invitation. The next sync brings the space's rows.",
            async (context, spaces, cancellationToken) => SpaceVerbs.Show(context, await spaces.JoinSpaceAsync(new JoinRequest { Token = context.Get(invitation) }, cancellationToken), "Joined"),
            invitation);
    }

    private static object DocumentOf(SpaceInvitation invitation) =>
        new { id = invitation.Id, space = invitation.Space, role = invitation.Role, invitedBy = invitation.InvitedBy, expiresAt = invitation.ExpiresAt, token = invitation.Token };
}
