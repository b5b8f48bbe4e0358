using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Remotes;

/// <summary>
/// A backend as the engine sees it. Every call throws <see cref="Errors.SyncException"/> for trouble of the whole;
/// what becomes of single commands is in the answer.
/// </summary>
public interface IRemote
{
    /// <summary>The server's model, limits and who is signed in.</summary>
    Task<ModelInfo> GetModelAsync(CancellationToken cancellationToken);

    /// <summary>Registers or upgrades the model.</summary>
    Task<ModelInfo> PutModelAsync(SyncModel model, CancellationToken cancellationToken);

    /// <summary>Sends the bytes of a push.</summary>
    Task<PushResponse> PushAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken);

    /// <summary>The bytes of one page, checked to be JSON of the server, not decoded.</summary>
    Task<byte[]> GetChangesAsync(ChangesRequest request, CancellationToken cancellationToken);

    Task<ChecksumsResponse> GetChecksumsAsync(ChecksumsRequest request, CancellationToken cancellationToken);

    Task<RowsResponse> GetRowsAsync(RowsRequest request, CancellationToken cancellationToken);
}

/// <summary>The server does not know the device's position.</summary>
public sealed class ResyncRequiredException(string reason, string? epoch, long commonPosition, string message)
    : Errors.SyncException(Errors.SyncErrorCode.ResyncRequired, message)
{
    public string Reason { get; } = reason;

    public string? Epoch { get; } = epoch;

    public long CommonPosition { get; } = commonPosition;
}
