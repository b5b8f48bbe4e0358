using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Tests.Http;

/// <summary>A store whose every answer is the same trouble.</summary>
internal sealed class FaultyStore(Func<Exception> trouble) : IServerStore
{
    public ValueTask<SyncModel?> GetModelAsync(CancellationToken cancellationToken) => throw trouble();

    public ValueTask PutModelAsync(SyncModel model, CancellationToken cancellationToken) => throw trouble();

    public ValueTask<long> CountRowsAsync(EntityType type, CancellationToken cancellationToken) => throw trouble();

    public ValueTask<byte[]> KeepSecretAsync(string name, byte[] proposed, CancellationToken cancellationToken) => throw trouble();

    public ValueTask<IReadOnlyList<byte[]>> ReadSecretsAsync(string prefix, CancellationToken cancellationToken) => throw trouble();

    public ValueTask<IReadOnlyList<SpaceId>> GetSpacesAsync(CancellationToken cancellationToken) => throw trouble();

    public ValueTask<IReadOnlyList<Membership>> ReadMembershipsAsync(UserId user, CancellationToken cancellationToken) => throw trouble();

    public ValueTask<IReadOnlyList<StoredLease>> ReadLeasesAsync(CancellationToken cancellationToken) => throw trouble();

    public ValueTask<T> ChangeLeasesAsync<T>(Func<IReadOnlyList<StoredLease>, (List<StoredLease> Book, T Result)> change, CancellationToken cancellationToken) => throw trouble();

    public ValueTask<IStoreSnapshot> ReadAsync(SpaceId space, CancellationToken cancellationToken) => throw trouble();

    public ValueTask<IStoreTransaction> WriteAsync(SpaceId space, Position atLeast, CancellationToken cancellationToken) => throw trouble();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
