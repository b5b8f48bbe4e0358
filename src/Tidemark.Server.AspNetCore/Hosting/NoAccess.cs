using Tidemark.Model.Values;
using Tidemark.Server.Access;

namespace Tidemark.Server.AspNetCore.Hosting;

/// <summary>For a store that keeps no access books: everybody whom the host's authentication lets in is let in.</summary>
internal sealed class NoAccess : IAccessStore
{
    public ValueTask<IReadOnlyList<AccessEntry>> ReadAccessAsync(SpaceId space, CancellationToken cancellationToken) => ValueTask.FromResult<IReadOnlyList<AccessEntry>>([]);

    public ValueTask<T> ChangeAccessAsync<T>(SpaceId space, Func<IReadOnlyList<AccessEntry>, (IReadOnlyList<AccessEntry> Book, T Result)> change, CancellationToken cancellationToken) =>
        ValueTask.FromResult(change([]).Result);

    public ValueTask<IReadOnlyList<(SpaceId Space, AccessEntry Entry)>> ReadAccessOfKindAsync(string kind, CancellationToken cancellationToken) =>
        ValueTask.FromResult<IReadOnlyList<(SpaceId Space, AccessEntry Entry)>>([]);

    public ValueTask<IReadOnlyList<SpaceId>> GetAccessSpacesAsync(CancellationToken cancellationToken) => ValueTask.FromResult<IReadOnlyList<SpaceId>>([]);
}
