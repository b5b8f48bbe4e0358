using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
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

/// <summary>Says what a server holds.</summary>
public interface IHealthDigestSource
{
    /// <summary>Number and digest of the samples of every UTC day with samples.</summary>
    /// <exception cref="SyncException">No answer, or a refusal.</exception>
    Task<HealthDigests> GetDigestsAsync(string type, CancellationToken cancellationToken);
}

/// <summary>To a Tidemark server.</summary>
public sealed class TidemarkHealthUploader(TidemarkHttpRemote remote) : IHealthUploader, IHealthDigestSource
{
    /// <summary>Where batches go.</summary>
    public const string Path = "health/samples:batchUpsert";

    public async Task<HealthBatchResponse> SendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken)
    {
        return Read(await remote.PostAsync(Path, batch, cancellationToken).ConfigureAwait(false), HealthJson.Default.HealthBatchResponse);
    }

    public async Task<HealthDigests> GetDigestsAsync(string type, CancellationToken cancellationToken) =>
        Read(await remote.GetAsync("health/digests?type=" + Uri.EscapeDataString(type), cancellationToken).ConfigureAwait(false), HealthJson.Default.HealthDigests);

    private static T Read<T>(byte[] answer, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(answer, type) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new SyncException(SyncErrorCode.InvalidResponse, "The server's answer is not one to health data: " + e.Message, retryable: true, e);
        }
    }
}
