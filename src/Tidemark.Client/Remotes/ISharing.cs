using Tidemark.Model.Protocol;

namespace Tidemark.Client.Remotes;

/// <summary>A remote whose spaces can be shared. A file that holds several spaces asks it at every run which they are.</summary>
public interface ISharing
{
    /// <summary>The spaces of whoever is signed in; with those he has left, or was taken out of, as removed, when asked.</summary>
    Task<IReadOnlyList<SpaceInfo>> GetSpacesAsync(bool withLeft, CancellationToken cancellationToken);
}

/// <summary>What an app does with shared spaces itself. Each call needs the network; the next run brings rows or takes them away.</summary>
public interface ISharedSpaces : ISharing
{
    Task<SpaceInfo> MakeSpaceAsync(SpaceRequest request, CancellationToken cancellationToken);

    Task<SpaceMembers> GetMembersAsync(string space, CancellationToken cancellationToken);

    Task<SpaceMembers> ChangeMemberAsync(MemberChange change, CancellationToken cancellationToken);

    Task<SpaceRemoved> RemoveMemberAsync(string space, string user, CancellationToken cancellationToken);

    Task<SpaceInvitations> GetInvitationsAsync(string space, CancellationToken cancellationToken);

    Task<SpaceInvitation> InviteAsync(InvitationRequest request, CancellationToken cancellationToken);

    Task<SpaceRemoved> UninviteAsync(string space, string id, CancellationToken cancellationToken);

    Task<SpaceInfo> JoinSpaceAsync(JoinRequest request, CancellationToken cancellationToken);

    Task<SpaceRemoved> LeaveSpaceAsync(LeaveRequest request, CancellationToken cancellationToken);
}
