using System.Text.Json;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes.Http;
using Tidemark.Model.Health;

namespace Tidemark.Health.Sync;

/// <summary>Carries a batch to a server.</summary>
public interface IHealthUploader
{
    /// <summary>May be called again with the same batch at any time, with the same effect as once.</summary>
    /// <exception cref="SyncException">No answer, or the server refused the whole.</exception>
    Task<HealthBatchResponse> SendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken);
}

/// <summary>To a Tidemark server.</summary>
public sealed class TidemarkHealthUploader(TidemarkHttpRemote remote) : IHealthUploader
{
    /// <summary>Where batches go.</summary>
    public const string Path = "health/samples:batchUpsert";

    public async Task<HealthBatchResponse> SendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken)
    {
        var answer = await remote.PostAsync(Path, batch, cancellationToken).ConfigureAwait(false);
        try
        {
            return JsonSerializer.Deserialize(answer, HealthJson.Default.HealthBatchResponse) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new SyncException(SyncErrorCode.InvalidResponse, "The server's answer is not one to health data: " + e.Message, retryable: true, e);
        }
    }
}
