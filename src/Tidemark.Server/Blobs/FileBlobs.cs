using System.Globalization;
using System.Security.Cryptography;
using Tidemark.Model.Values;

namespace Tidemark.Server.Blobs;

/// <summary>An upload that is not complete.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Offset">Bytes that are there, durably.</param>
/// <param name="Length">Bytes that there will be.</param>
/// <param name="Sha256">What the whole must be, 64 lower-case hex digits.</param>
/// <param name="ExpiresMs">Milliseconds since 1970.</param>
public sealed record BlobUpload(string Id, long Offset, long Length, string Sha256, long ExpiresMs);

/// <summary>How an append ended.</summary>
public enum BlobAppend
{
    /// <summary>What came is kept; more is wanted.</summary>
    Kept,

    /// <summary>The whole is there under its digest.</summary>
    Complete,

    /// <summary>The piece is not what its checksum says: nothing of it is kept.</summary>
    PieceMismatch,

    /// <summary>The whole is not what its digest says: the upload is gone.</summary>
    WholeMismatch,

    /// <summary>More came than was announced: nothing of it is kept.</summary>
    TooMuch,
}

/// <summary>
/// Blobs as files, named by their SHA-256, each space in a folder of its own. An upload's facts are its file's name and its offset is its length, so there is nothing that a crash
/// could leave apart. Several nodes share one folder, or each has its own with one store for what is complete.
/// </summary>
/// <param name="folder">Of uploads, and of complete blobs when there is no store.</param>
/// <param name="store">Where complete blobs go; null: into the folder.</param>
public sealed class FileBlobs(string folder, IBlobStore? store = null)
{
    private readonly string _folder = Path.GetFullPath(folder);

    private const int PieceBytes = 64 * 1024;

    /// <summary>The bytes of a complete blob; null: there is none.</summary>
    /// <exception cref="IOException">The store does not answer.</exception>
    public Task<Stream?> OpenAsync(SpaceId space, string sha256, CancellationToken cancellationToken)
    {
        var path = BlobPath(space, sha256);
        return store?.OpenAsync(space, sha256, cancellationToken) ?? Task.FromResult<Stream?>(File.Exists(path) ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete) : null);
    }

    /// <summary>Uploads of a space that are not complete.</summary>
    public IReadOnlyList<BlobUpload> Open(SpaceId space)
    {
        var uploads = UploadFolder(space);
        return Directory.Exists(uploads) ? [.. Directory.EnumerateFiles(uploads).Select(Parse).OfType<BlobUpload>()] : [];
    }

    public BlobUpload Create(SpaceId space, string id, long length, string sha256, long expiresMs)
    {
        var upload = new BlobUpload(id, 0, length, sha256, expiresMs);
        Directory.CreateDirectory(UploadFolder(space));
        using (new FileStream(PathOf(space, upload), FileMode.CreateNew))
        {
            return upload;
        }
    }

    /// <summary>The upload as it stands; one whose last piece came just before a crash is completed.</summary>
    /// <exception cref="IOException">The store does not take it.</exception>
    public async Task<BlobUpload?> FindAsync(SpaceId space, string id, CancellationToken cancellationToken)
    {
        var upload = Open(space).FirstOrDefault(u => u.Id == id);
        if (upload is not null && upload.Offset >= upload.Length)
        {
            var file = new FileStream(PathOf(space, upload), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            await using (file.ConfigureAwait(false))
            {
                return await CompleteAsync(space, upload, file, cancellationToken).ConfigureAwait(false) == BlobAppend.Complete ? upload : null;
            }
        }

        return upload;
    }

    public void Drop(SpaceId space, BlobUpload upload)
    {
        ArgumentNullException.ThrowIfNull(upload);
        File.Delete(PathOf(space, upload));
    }

    /// <summary>Adds what comes at the end. What had come when the sender went away is kept, unless a checksum is there that it cannot be measured by.</summary>
    /// <param name="space">Whose.</param>
    /// <param name="upload">Which.</param>
    /// <param name="body">The piece.</param>
    /// <param name="checksum">Of the piece; null: none.</param>
    /// <param name="cancellationToken">The sender is gone.</param>
    /// <exception cref="IOException">Another request appends to it now.</exception>
    public async Task<BlobAppend> AppendAsync(SpaceId space, BlobUpload upload, Stream body, (HashAlgorithmName Algorithm, byte[] Digest)? checksum, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(upload);
        ArgumentNullException.ThrowIfNull(body);
        var file = new FileStream(PathOf(space, upload), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        await using (file.ConfigureAwait(false))
        {
            if (file.Length != upload.Offset)
            {
                throw new IOException("Another request has appended meanwhile.");
            }

            file.Seek(0, SeekOrigin.End);
            using var piece = checksum is { } sum ? IncrementalHash.CreateHash(sum.Algorithm) : null;
            var isWhole = false;
            try
            {
                isWhole = await CopyAsync(body, file, upload.Length, piece, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                if (!isWhole && (piece is not null || file.Length > upload.Length))
                {
                    file.SetLength(upload.Offset);
                }

                file.Flush(flushToDisk: true);
            }

            if (!isWhole)
            {
                return BlobAppend.TooMuch;
            }

            if (piece is not null && !CryptographicOperations.FixedTimeEquals(piece.GetCurrentHash(), checksum!.Value.Digest))
            {
                file.SetLength(upload.Offset);
                return BlobAppend.PieceMismatch;
            }

            return file.Length < upload.Length ? BlobAppend.Kept : await CompleteAsync(space, upload, file, cancellationToken).ConfigureAwait(false);
        }
    }

    // False: more came than fits. A sender that goes away throws.
    private static async Task<bool> CopyAsync(Stream body, FileStream file, long lengthMax, IncrementalHash? hash, CancellationToken cancellationToken)
    {
        var buffer = new byte[PieceBytes];
        while (await body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is var read and > 0)
        {
            await file.WriteAsync(buffer.AsMemory(0, read), CancellationToken.None).ConfigureAwait(false);
            await file.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            hash?.AppendData(buffer, 0, read);
            if (file.Length > lengthMax)
            {
                return false;
            }
        }

        return true;
    }

    private async Task<BlobAppend> CompleteAsync(SpaceId space, BlobUpload upload, FileStream file, CancellationToken cancellationToken)
    {
        file.Seek(0, SeekOrigin.Begin);
        if (Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellationToken).ConfigureAwait(false)) != upload.Sha256)
        {
            Drop(space, upload);
            return BlobAppend.WholeMismatch;
        }

        if (store is not null)
        {
            file.Seek(0, SeekOrigin.Begin);
            await store.PutAsync(space, upload.Sha256, file, cancellationToken).ConfigureAwait(false);
            Drop(space, upload);
            return BlobAppend.Complete;
        }

        var path = BlobPath(space, upload.Sha256);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Move(PathOf(space, upload), path, overwrite: true); // The same bytes, if there were any.
        return BlobAppend.Complete;
    }

    private string SpaceFolder(SpaceId space) => Path.Combine(_folder, BlobNames.Of(space));

    private string UploadFolder(SpaceId space) => Path.Combine(SpaceFolder(space), "uploads");

    private string BlobPath(SpaceId space, string sha256) => Path.Combine(_folder, Path.Combine(BlobNames.Of(space, sha256).Split('/')));

    private string PathOf(SpaceId space, BlobUpload upload) =>
        Path.Combine(UploadFolder(space), string.Create(CultureInfo.InvariantCulture, $"{upload.Id}.{upload.Length}.{upload.Sha256}.{upload.ExpiresMs}"));

    private static BlobUpload? Parse(string path)
    {
        var parts = Path.GetFileName(path).Split('.');
        var file = new FileInfo(path);
        return parts.Length == 4 && long.TryParse(parts[1], CultureInfo.InvariantCulture, out var length) && long.TryParse(parts[3], CultureInfo.InvariantCulture, out var expires) && file.Exists
            ? new BlobUpload(parts[0], file.Length, length, parts[2], expires)
            : null;
    }
}
