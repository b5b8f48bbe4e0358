using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Server.Live;

namespace Tidemark.Server.Storage;

/// <summary>
/// Where rows live. A store executes, it decides nothing: every rule of the wire is above it. Trouble of the engine comes out as
/// <see cref="ServerException"/> with UNAVAILABLE; what a caller did wrong as an exception of the framework.
/// </summary>
public interface IServerStore : IAsyncDisposable
{
    /// <summary>Hints between the nodes that share the store; null where there is one node only.</summary>
    INodeHints? Nodes => null;

    /// <summary>The registered model; null before the first.</summary>
    ValueTask<SyncModel?> GetModelAsync(CancellationToken cancellationToken);

    /// <summary>Makes or grows the tables and keeps the model, in one transaction. The caller has checked that nothing is lost by it.</summary>
    ValueTask PutModelAsync(SyncModel model, CancellationToken cancellationToken);

    /// <summary>The number of live rows of a type, all spaces together.</summary>
    ValueTask<long> CountRowsAsync(EntityType type, CancellationToken cancellationToken);

    /// <summary>Keeps a secret under a name, unless there is one already; returns the one that is kept.</summary>
    ValueTask<byte[]> KeepSecretAsync(string name, byte[] proposed, CancellationToken cancellationToken);

    /// <summary>All secrets whose names begin so, in no order.</summary>
    ValueTask<IReadOnlyList<byte[]>> ReadSecretsAsync(string prefix, CancellationToken cancellationToken);

    /// <summary>Runs work while no other node runs work of that name; where there is one node only, at once.</summary>
    async ValueTask AloneAsync(string name, Func<Task> work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(work);
        await work().ConfigureAwait(false);
    }

    /// <summary>Every space there is, in ordinal order.</summary>
    ValueTask<IReadOnlyList<SpaceId>> GetSpacesAsync(CancellationToken cancellationToken);

    /// <summary>The shared spaces that a user is or was a member of, in ordinal order.</summary>
    ValueTask<IReadOnlyList<Membership>> ReadMembershipsAsync(UserId user, CancellationToken cancellationToken);

    /// <summary>The lease book as it is now.</summary>
    ValueTask<IReadOnlyList<StoredLease>> ReadLeasesAsync(CancellationToken cancellationToken);

    /// <summary>Changes the lease book: one change at a time, all nodes together. What comes back is the book from now on; it is bounded by who is admitted and who waits.</summary>
    ValueTask<T> ChangeLeasesAsync<T>(Func<IReadOnlyList<StoredLease>, (List<StoredLease> Book, T Result)> change, CancellationToken cancellationToken);

    /// <summary>One consistent state of a space, its head read first. Never waits for a writer.</summary>
    ValueTask<IStoreSnapshot> ReadAsync(SpaceId space, CancellationToken cancellationToken);

    /// <summary>The only writer of the space until it is disposed; rolled back unless committed. Makes the space when it is not there.</summary>
    /// <param name="space">The space.</param>
    /// <param name="atLeast">The position of the commit is never below this.</param>
    /// <param name="cancellationToken">Ends the wait for the other writers.</param>
    ValueTask<IStoreTransaction> WriteAsync(SpaceId space, Position atLeast, CancellationToken cancellationToken);

    /// <summary>The same, told what will be asked for first: a store across a network reads it while it begins.</summary>
    /// <param name="space">The space.</param>
    /// <param name="atLeast">The position of the commit is never below this.</param>
    /// <param name="expected">Of a model that the store has.</param>
    /// <param name="cancellationToken">Ends the wait for the other writers.</param>
    ValueTask<IStoreTransaction> WriteAsync(SpaceId space, Position atLeast, StoreExpectation expected, CancellationToken cancellationToken) => WriteAsync(space, atLeast, cancellationToken);
}
