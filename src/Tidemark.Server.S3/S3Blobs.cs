using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Tidemark.Model.Values;
using Tidemark.Server.Blobs;

namespace Tidemark.Server.S3;

/// <summary>
/// Complete blobs as objects of a bucket, which all nodes see. An object is named by its space and its bytes' SHA-256: to put it twice is to put it once. Who may reach the bucket is
/// found where AWS programs look for it: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, the machine's role; the region in AWS_REGION.
/// </summary>
public sealed class S3Blobs : IBlobStore, IDisposable
{
    private readonly S3Place _place;
    private readonly AmazonS3Client _client;

    public S3Blobs(S3Place place)
        : this(place, credentials: null)
    {
    }

    /// <param name="place">The bucket.</param>
    /// <param name="credentials">Who asks; null: as AWS programs find it.</param>
    public S3Blobs(S3Place place, AWSCredentials? credentials)
    {
        _place = place ?? throw new ArgumentNullException(nameof(place));

        // Other stores do not know the checksums that are sent by default; the name of an object is its checksum. One more try: the device that uploads comes again anyway.
        var config = new AmazonS3Config { MaxErrorRetry = 1, RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED, ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED };
        if (place.Endpoint is { } endpoint)
        {
            (config.ServiceURL, config.ForcePathStyle) = (endpoint.ToString(), true);
        }

        _client = credentials is null ? new AmazonS3Client(config) : new AmazonS3Client(credentials, config);
    }

    public async Task<Stream?> OpenAsync(SpaceId space, string sha256, CancellationToken cancellationToken)
    {
        try
        {
            return (await AskAsync(() => _client.GetObjectAsync(new GetObjectRequest { BucketName = _place.Bucket, Key = KeyOf(space, sha256) }, cancellationToken)).ConfigureAwait(false)).ResponseStream;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    public async Task PutAsync(SpaceId space, string sha256, Stream bytes, CancellationToken cancellationToken)
    {
        var request = new PutObjectRequest { BucketName = _place.Bucket, Key = KeyOf(space, sha256), InputStream = bytes, AutoCloseStream = false, UseChunkEncoding = false, ContentType = "application/octet-stream" };
        await AskAsync(() => _client.PutObjectAsync(request, cancellationToken)).ConfigureAwait(false);
    }

    public async Task DeleteAsync(SpaceId space, string sha256, CancellationToken cancellationToken)
    {
        try
        {
            await AskAsync(() => _client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = _place.Bucket, Key = KeyOf(space, sha256) }, cancellationToken)).ConfigureAwait(false);
        }
        catch (FileNotFoundException)
        {
            // It is gone.
        }
    }

    public void Dispose() => _client.Dispose();

    private string KeyOf(SpaceId space, string sha256) => _place.Prefix + BlobNames.Of(space, sha256);

    // What a store says becomes what a disk would say.
    private async Task<T> AskAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask().ConfigureAwait(false);
        }
        catch (AmazonS3Exception e) when (e.ErrorCode is "NoSuchKey" or "NotFound")
        {
            throw new FileNotFoundException("There is no such object.", e);
        }
        catch (Exception e) when (e is AmazonServiceException or AmazonClientException or HttpRequestException)
        {
            throw new IOException($"The bucket {_place.Bucket} did not do what it was asked for: {e.Message}", e);
        }
    }
}
