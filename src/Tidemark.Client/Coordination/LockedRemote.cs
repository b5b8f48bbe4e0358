using Tidemark.Client.Environment;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Coordination;

/// <summary>The remote of a run that holds the run lock, and keeps it over long answers.</summary>
internal sealed class LockedRemote(IRemote remote, LocalStore store, SyncEnvironment environment, long token) : IRemote
{
    private readonly LockKeeper _keeper = new(store, environment, token);

    public Task<ModelInfo> GetModelAsync(CancellationToken cancellationToken) => _keeper.KeepAsync(remote.GetModelAsync(cancellationToken));

    public Task<ModelInfo> PutModelAsync(SyncModel model, CancellationToken cancellationToken) => _keeper.KeepAsync(remote.PutModelAsync(model, cancellationToken));

    public Task<PushResponse> PushAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken) => _keeper.KeepAsync(remote.PushAsync(body, cancellationToken));

    public Task<byte[]> GetChangesAsync(ChangesRequest request, CancellationToken cancellationToken) => _keeper.KeepAsync(remote.GetChangesAsync(request, cancellationToken));

    public Task<ChecksumsResponse> GetChecksumsAsync(ChecksumsRequest request, CancellationToken cancellationToken) => _keeper.KeepAsync(remote.GetChecksumsAsync(request, cancellationToken));

    public Task<RowsResponse> GetRowsAsync(RowsRequest request, CancellationToken cancellationToken) => _keeper.KeepAsync(remote.GetRowsAsync(request, cancellationToken));
}
