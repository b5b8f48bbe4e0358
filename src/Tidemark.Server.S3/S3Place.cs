namespace Tidemark.Server.S3;

/// <summary>Where blobs lie in an object store.</summary>
/// <param name="Bucket">The bucket; it is there already.</param>
/// <param name="Prefix">What the names of all objects begin with: empty, or ending with a slash.</param>
/// <param name="Endpoint">The store's address, when it is not the one of the region.</param>
public sealed record S3Place(string Bucket, string Prefix, Uri? Endpoint)
{
    /// <summary>Reads s3://bucket/prefix, or http://host:port/bucket/prefix and the like with https.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static S3Place Parse(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("s3" or "http" or "https"))
        {
            throw new FormatException($"'{text}' is no place of blobs; write s3://BUCKET[/PREFIX], or https://HOST/BUCKET[/PREFIX] for a store of your own.");
        }

        var parts = (uri.Scheme == "s3" ? uri.Host + uri.AbsolutePath : uri.AbsolutePath.TrimStart('/')).Split('/', 2);
        if (parts[0].Length == 0)
        {
            throw new FormatException($"'{text}' names no bucket.");
        }

        var prefix = parts.Length > 1 ? parts[1].Trim('/') : "";
        return new S3Place(parts[0], prefix.Length == 0 ? "" : prefix + "/", uri.Scheme == "s3" ? null : new Uri(uri.GetLeftPart(UriPartial.Authority)));
    }
}
