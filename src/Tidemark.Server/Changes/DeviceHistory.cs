using Tidemark.Model.Protocol;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Changes;

/// <summary>What a server can say of a commit that a device has seen.</summary>
internal enum CommitState
{
    /// <summary>It is in the history of the space, and whatever was deleted since is remembered.</summary>
    Known,

    /// <summary>It is from before deletions are remembered; whether it is in the history cannot be told any more, or it is.</summary>
    Old,

    /// <summary>It is not in the history, which is remembered that far: the server was restored, or is another one.</summary>
    Lost,
}

/// <summary>
/// Tells a server that was restored from one that has forgotten. Commits are remembered longer than deletions: a device that was away for too long and
/// comes to a server that was restored meanwhile would otherwise take for deleted what only the server has lost.
/// </summary>
internal static class DeviceHistory
{
    public static async ValueTask<CommitState> FindAsync(IStoreSnapshot snapshot, SpaceState state, Mark mark, CancellationToken cancellationToken)
    {
        if (await snapshot.KnowsAsync(mark, cancellationToken).ConfigureAwait(false))
        {
            return mark.Position >= state.CompactedTo.Value ? CommitState.Known : CommitState.Old;
        }

        return mark.Position >= state.CompactedTo.Value || await snapshot.OldestCommitAsync(0, cancellationToken).ConfigureAwait(false) < mark.Position ? CommitState.Lost : CommitState.Old;
    }
}
