namespace Tidemark.Server.Sharing;

/// <summary>Bounds of what is shared: members and invitations of a space are read and written whole.</summary>
public sealed class SharingOptions
{
    /// <summary>Members of one space. Default: 1000.</summary>
    public int MembersMax { get; init; } = 1000;

    /// <summary>Invitations of one space that wait. Default: 100.</summary>
    public int InvitationsMax { get; init; } = 100;

    /// <summary>Shared spaces that one user may be a member of. Default: 200.</summary>
    public int SpacesPerUserMax { get; init; } = 200;

    /// <summary>How long an invitation waits when the request does not say. Default: 7 days.</summary>
    public TimeSpan InvitationTime { get; init; } = TimeSpan.FromDays(7);

    /// <summary>The longest that may be asked for. Default: 90 days.</summary>
    public TimeSpan InvitationTimeMax { get; init; } = TimeSpan.FromDays(90);

    internal IEnumerable<string> Faults()
    {
        if (MembersMax < 1 || InvitationsMax < 1 || SpacesPerUserMax < 1)
        {
            yield return "Sharing.MembersMax, InvitationsMax and SpacesPerUserMax must be at least 1.";
        }

        if (InvitationTime <= TimeSpan.Zero || InvitationTimeMax < InvitationTime)
        {
            yield return "Sharing.InvitationTime must be longer than zero and not longer than InvitationTimeMax.";
        }
    }
}
