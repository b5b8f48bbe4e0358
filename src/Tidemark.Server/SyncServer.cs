using Tidemark.Model.Protocol;
using Tidemark.Server.Storage;

namespace Tidemark.Server;

/// <summary>The server's decisions behind every endpoint. Each method may be called by any number of threads.</summary>
public sealed class SyncServer
{
    public SyncServer(IServerStore store, ServerEnvironment environment, ServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Store = store ?? throw new ArgumentNullException(nameof(store));
        Environment = environment ?? throw new ArgumentNullException(nameof(environment));
        Options = options;
    }

    public ServerOptions Options { get; }

    internal IServerStore Store { get; }

    internal ServerEnvironment Environment { get; }

    public Task<ModelInfo> GetModelAsync(Caller caller, CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task<ModelInfo> PutModelAsync(Caller caller, ReadOnlyMemory<byte> modelUtf8, CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task<IReadOnlyList<SpaceInfo>> GetSpacesAsync(Caller caller, CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task<PushResponse> PushAsync(Caller caller, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) => throw new NotImplementedException();

    /// <summary>The page's JSON bytes.</summary>
    public Task<ReadOnlyMemory<byte>> GetChangesAsync(Caller caller, ChangesRequest request, CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task<VerdictsResponse> GetVerdictsAsync(Caller caller, VerdictsRequest request, CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task<RowsResponse> GetRowsAsync(Caller caller, RowsRequest request, CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task<ChecksumsResponse> GetChecksumsAsync(Caller caller, ChecksumsRequest request, CancellationToken cancellationToken) => throw new NotImplementedException();
}
