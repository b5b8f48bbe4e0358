using System.Security.Cryptography;
using System.Text;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Server.Blobs;

/// <summary>Where complete blobs lie when it is not a folder. Uploads that are not complete are files of their node.</summary>
public interface IBlobStore
{
    /// <summary>A blob's bytes; null: there is none.</summary>
    /// <exception cref="IOException">The store does not answer.</exception>
    Task<Stream?> OpenAsync(SpaceId space, string sha256, CancellationToken cancellationToken);

    /// <summary>Keeps a blob durably. The bytes are what the name says; they may be there already.</summary>
    /// <exception cref="IOException">The store did not take it.</exception>
    Task PutAsync(SpaceId space, string sha256, Stream bytes, CancellationToken cancellationToken);

    /// <summary>Takes a blob away, if it is there.</summary>
    /// <exception cref="IOException">The store does not answer.</exception>
    Task DeleteAsync(SpaceId space, string sha256, CancellationToken cancellationToken);
}

/// <summary>How blobs are named, in a folder and in an object store.</summary>
public static class BlobNames
{
    /// <summary>A space's part of all names; its own name may hold what a file's may not.</summary>
    public static string Of(SpaceId space) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(space.Value)).AsSpan(0, 16));

    /// <summary>SPACE/blobs/ab/abcd..., with slashes.</summary>
    public static string Of(SpaceId space, string sha256) => IsDigest(sha256)
        ? $"{Of(space)}/blobs/{sha256[..2]}/{sha256}"
        : throw Problems.Of(ErrorCodes.BadRequest, "A blob is named by its SHA-256: 64 lower-case hex digits.");

    internal static bool IsDigest(string text) => text.Length == 64 && text.All(static c => char.IsAsciiHexDigitLower(c));
}
