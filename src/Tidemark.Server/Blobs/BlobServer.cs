using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Blobs;

/// <summary>What uploads may not exceed.</summary>
public sealed class BlobOptions
{
    /// <summary>Bytes of one blob. Default 64 MB.</summary>
    public long BlobBytesMax { get; set; } = 64 * 1024 * 1024;

    /// <summary>Uploads of a user that are not complete. Default 100.</summary>
    public int OpenUploadsMax { get; set; } = 100;

    /// <summary>How long an upload may take from its creation. Default 7 days.</summary>
    public TimeSpan UploadTime { get; set; } = TimeSpan.FromDays(7);
}

/// <summary>The decisions behind the endpoints of blobs. A blob is its owner's alone: nobody learns whether another user has it.</summary>
public sealed class BlobServer(FileBlobs files, BlobOptions options, ServerEnvironment environment)
{
    public BlobOptions Options { get; } = options;

    /// <summary>The bytes of a complete blob of the caller's; null: there is none.</summary>
    public Task<Stream?> OpenAsync(Caller caller, string sha256, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return files.OpenAsync(SpaceOf(caller), sha256, cancellationToken);
    }

    public BlobUpload Create(Caller caller, long length, string sha256)
    {
        ArgumentNullException.ThrowIfNull(caller);
        if (!BlobNames.IsDigest(sha256 ?? ""))
        {
            throw Problems.Of(ErrorCodes.BadRequest, "Upload-Metadata must name sha256: the base64 of 64 lower-case hex digits.");
        }

        if (length <= 0 || length > Options.BlobBytesMax)
        {
            throw Problems.Of(ErrorCodes.TooLarge, $"A blob has 1 to {Options.BlobBytesMax} bytes.");
        }

        var space = SpaceOf(caller);
        var now = environment.Time.GetUtcNow().ToUnixTimeMilliseconds();
        var open = files.Open(space);
        foreach (var expired in open.Where(u => u.ExpiresMs <= now))
        {
            files.Drop(space, expired);
        }

        if (open.Count(u => u.ExpiresMs > now) >= Options.OpenUploadsMax)
        {
            throw Problems.Of(ErrorCodes.RateLimited, $"{Options.OpenUploadsMax} uploads are open; complete or delete one of them.");
        }

        return files.Create(space, environment.NewId().ToString("N"), length, sha256!, now + (long)Options.UploadTime.TotalMilliseconds);
    }

    /// <summary>An upload as it stands, complete (then its offset is its length) or not. Null: there is none, or none any more.</summary>
    public async Task<BlobUpload?> FindUploadAsync(Caller caller, string id, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        var space = SpaceOf(caller);
        var upload = await files.FindAsync(space, id, cancellationToken).ConfigureAwait(false);
        if (upload is null || upload.ExpiresMs > environment.Time.GetUtcNow().ToUnixTimeMilliseconds())
        {
            return upload;
        }

        files.Drop(space, upload);
        return null;
    }

    /// <summary>See <see cref="FileBlobs.AppendAsync"/>.</summary>
    public Task<BlobAppend> AppendAsync(Caller caller, BlobUpload upload, Stream body, (System.Security.Cryptography.HashAlgorithmName Algorithm, byte[] Digest)? checksum, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return files.AppendAsync(SpaceOf(caller), upload, body, checksum, cancellationToken);
    }

    public void Drop(Caller caller, BlobUpload upload)
    {
        ArgumentNullException.ThrowIfNull(caller);
        files.Drop(SpaceOf(caller), upload);
    }

    private static SpaceId SpaceOf(Caller caller) => Spaces.DefaultOf(caller.User);
}
