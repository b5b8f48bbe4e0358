using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes.Http;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;

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

/// <summary>Carries a large part in pieces; it can be gone on with wherever it stopped.</summary>
public interface IHealthBlobUploader
{
    /// <summary>Large parts go by themselves; false: inside their samples.</summary>
    bool TakesBlobs { get; }

    Task<bool> HasBlobAsync(string sha256, CancellationToken cancellationToken);

    /// <returns>The upload's name.</returns>
    Task<string> CreateBlobAsync(string sha256, long length, CancellationToken cancellationToken);

    /// <returns>Bytes that are there; null: the upload is not there (any more), perhaps because it is complete.</returns>
    Task<long?> GetBlobOffsetAsync(string upload, CancellationToken cancellationToken);

    /// <returns>Bytes that are there now, wherever that is; null: the upload is not there any more, or was not what it should be.</returns>
    Task<long?> AppendBlobAsync(string upload, long offset, ReadOnlyMemory<byte> piece, CancellationToken cancellationToken);
}

/// <summary>To a Tidemark server.</summary>
/// <param name="remote">The server.</param>
/// <param name="blobs">Large parts, such as the waveforms of ECGs, go by themselves and can be resumed; the server must have blobs. False: they travel inside their samples.</param>
public sealed class TidemarkHealthUploader(TidemarkHttpRemote remote, bool blobs = true) : IHealthBlobUploader, IHealthUploader, IHealthDigestSource, IHealthLeases
{
    private const string TusVersion = "1.0.0";
    private const string OffsetType = "application/offset+octet-stream";
    private const int NotFound = 404;
    private const int Conflict = 409;
    private const int Mismatch = 460;
    private static readonly (string, string) Tus = ("Tus-Resumable", TusVersion);

    private int? _leaseSamples;

    public bool TakesBlobs => blobs;

    public async Task<bool> HasBlobAsync(string sha256, CancellationToken cancellationToken) =>
        (await remote.ExchangeAsync(HttpMethod.Head, "blobs/" + sha256, [], null, [NotFound], cancellationToken).ConfigureAwait(false)).Status != NotFound;

    public async Task<string> CreateBlobAsync(string sha256, long length, CancellationToken cancellationToken)
    {
        var named = Convert.ToBase64String(Encoding.ASCII.GetBytes(sha256));
        var answer = await remote.ExchangeAsync(HttpMethod.Post, "blobs", [Tus, ("Upload-Length", Text(length)), ("Upload-Metadata", "sha256 " + named)], null, [], cancellationToken).ConfigureAwait(false);
        return answer.Headers.TryGetValue("Location", out var location) ? location[(location.LastIndexOf('/') + 1)..] : throw NotOurs();
    }

    public async Task<long?> GetBlobOffsetAsync(string upload, CancellationToken cancellationToken)
    {
        var answer = await remote.ExchangeAsync(HttpMethod.Head, "blobs/uploads/" + upload, [Tus], null, [NotFound], cancellationToken).ConfigureAwait(false);
        return answer.Status == NotFound ? null : OffsetOf(answer);
    }

    public async Task<long?> AppendBlobAsync(string upload, long offset, ReadOnlyMemory<byte> piece, CancellationToken cancellationToken)
    {
        var answer = await remote.ExchangeAsync(HttpMethod.Patch, "blobs/uploads/" + upload, [Tus, ("Upload-Offset", Text(offset))], (piece, OffsetType), [NotFound, Conflict, Mismatch], cancellationToken).ConfigureAwait(false);
        return answer.Status is NotFound or Mismatch ? null : OffsetOf(answer);
    }

    private static long OffsetOf(HttpAnswer answer) =>
        answer.Headers.TryGetValue("Upload-Offset", out var text) && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var offset) ? offset : throw NotOurs();

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static SyncException NotOurs() => new(SyncErrorCode.InvalidResponse, "The server's answer is not one of resumable uploads.", retryable: true);

    /// <summary>Where batches go.</summary>
    public const string Path = "health/samples:batchUpsert";

    public async Task<HealthBatchResponse> SendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken)
    {
        return Read(await remote.PostAsync(Path, batch, Lease, cancellationToken).ConfigureAwait(false), HealthJson.Default.HealthBatchResponse);
    }

    public async Task<HealthDigests> GetDigestsAsync(string type, CancellationToken cancellationToken) =>
        Read(await remote.GetAsync("health/digests?type=" + Uri.EscapeDataString(type), cancellationToken).ConfigureAwait(false), HealthJson.Default.HealthDigests);

    /// <summary>The lease that every batch names; not the one of the remote, under which rows go.</summary>
    public string? Lease { get; set; }

    public Task<LeaseResponse> AskLeaseAsync(LeaseRequest request, CancellationToken cancellationToken) => remote.AskLeaseAsync(request, cancellationToken);

    public Task<LeaseResponse> RenewLeaseAsync(string id, CancellationToken cancellationToken) => remote.RenewLeaseAsync(id, cancellationToken);

    public Task ReleaseLeaseAsync(string id, CancellationToken cancellationToken) => remote.ReleaseLeaseAsync(id, cancellationToken);

    public async Task<int> GetLeaseSamplesAsync(CancellationToken cancellationToken) => _leaseSamples ??= (await remote.GetModelAsync(cancellationToken).ConfigureAwait(false)).Limits.LeaseSamples;

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
