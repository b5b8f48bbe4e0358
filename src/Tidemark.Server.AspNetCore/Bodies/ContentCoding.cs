using System.IO.Compression;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Tidemark.Server.AspNetCore.Bodies;

/// <summary>The two content codings of the wire and the choice between them.</summary>
internal static class ContentCoding
{
    public const string Gzip = "gzip";
    public const string Brotli = "br";
    public const string Both = "gzip, br";

    // Below this an answer fits one packet either way.
    public const int CompressedBytesMin = 1400;

    /// <summary>What to compress an answer with; null for nothing.</summary>
    public static string? Choose(StringValues acceptEncoding)
    {
        if (StringValues.IsNullOrEmpty(acceptEncoding)
            || !StringWithQualityHeaderValue.TryParseList(acceptEncoding, out var accepted))
        {
            return null;
        }

        var gzip = Quality(accepted, Gzip);
        var brotli = Quality(accepted, Brotli);
        if (gzip <= 0 && brotli <= 0)
        {
            return null;
        }

        return brotli >= gzip ? Brotli : Gzip;
    }

    public static Stream Compress(Stream target, string coding) => coding == Brotli
        ? new BrotliStream(target, CompressionLevel.Fastest, leaveOpen: true)
        : new GZipStream(target, CompressionLevel.Fastest, leaveOpen: true);

    /// <summary>Null for a coding that is not of the wire.</summary>
    public static Stream? Decompress(Stream source, string coding) => coding.ToUpperInvariant() switch
    {
        "GZIP" or "X-GZIP" => new GZipStream(source, CompressionMode.Decompress, leaveOpen: true),
        "BR" => new BrotliStream(source, CompressionMode.Decompress, leaveOpen: true),
        _ => null,
    };

    // A coding that is not named has the quality of "*", and none without that.
    private static double Quality(IList<StringWithQualityHeaderValue> accepted, string coding)
    {
        var any = 0.0;
        foreach (var one in accepted)
        {
            if (one.Value.Equals(coding, StringComparison.OrdinalIgnoreCase))
            {
                return one.Quality ?? 1;
            }

            if (one.Value.Equals("*", StringComparison.Ordinal))
            {
                any = one.Quality ?? 1;
            }
        }

        return any;
    }
}
