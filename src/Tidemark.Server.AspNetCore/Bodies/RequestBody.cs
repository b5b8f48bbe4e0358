using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Problems;

namespace Tidemark.Server.AspNetCore.Bodies;

/// <summary>Reads the body of a request: decompressed, and never more of it than the limit.</summary>
internal static class RequestBody
{
    private const int UnknownBytes = 64 * 1024;

    /// <exception cref="RequestException">Too large, of another media type, or not what its content coding says.</exception>
    public static async Task<PooledBytes> ReadAsync(HttpRequest request, long bytesMax, CancellationToken cancellationToken)
    {
        RequireJson(request);
        if (request.ContentLength > bytesMax)
        {
            throw TooLarge(bytesMax);
        }

        var coding = request.Headers.ContentEncoding.ToString().Trim();
        if (coding.Length == 0 || coding.Equals("identity", StringComparison.OrdinalIgnoreCase))
        {
            // One byte more than announced, so that the end is seen without growing.
            return await ReadAsync(request.Body, (int)(request.ContentLength ?? UnknownBytes) + 1, bytesMax, cancellationToken).ConfigureAwait(false);
        }

        var decompressed = ContentCoding.Decompress(request.Body, coding)
            ?? throw UnsupportedMedia($"The content coding is not known; send {ContentCoding.Both} or none.", ContentCoding.Both);
        await using (decompressed.ConfigureAwait(false))
        {
            return await ReadAsync(decompressed, UnknownBytes, bytesMax, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <exception cref="RequestException">As above, or not JSON of the message's form.</exception>
    public static async Task<T> ReadAsync<T>(HttpRequest request, JsonTypeInfo<T> type, long bytesMax, CancellationToken cancellationToken)
    {
        using var bytes = await ReadAsync(request, bytesMax, cancellationToken).ConfigureAwait(false);
        return JsonSerializer.Deserialize(bytes.Written.Span, type) ?? throw new RequestException(ErrorCodes.BadRequest, "The body is null; an object is wanted.");
    }

    private static async Task<PooledBytes> ReadAsync(Stream source, int capacity, long bytesMax, CancellationToken cancellationToken)
    {
        var bytes = new PooledBytes(capacity);
        try
        {
            while (true)
            {
                var read = await source.ReadAsync(bytes.GetMemory(), cancellationToken).ConfigureAwait(false);
                if (read == 0)
                {
                    return bytes;
                }

                bytes.Advance(read);
                if (bytes.Length > bytesMax)
                {
                    throw TooLarge(bytesMax);
                }
            }
        }
        catch (Exception e)
        {
            bytes.Dispose();

            // Brotli's decoder says "invalid data" with the second of the two.
            if (e is InvalidDataException or InvalidOperationException)
            {
                throw new RequestException(ErrorCodes.BadRequest, "The body cannot be decompressed with the coding that its Content-Encoding names.", inner: e);
            }

            throw;
        }
    }

    // A media type that no HTML form can send: a host that signs in with cookies is safe from other sites' forms.
    private static void RequireJson(HttpRequest request)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            || !(type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase) || type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase)))
        {
            throw UnsupportedMedia("The body must be JSON, sent with Content-Type: application/json.", acceptEncoding: null);
        }
    }

    private static RequestException TooLarge(long bytesMax) =>
        new(ErrorCodes.TooLarge, $"The request is larger than requestBytesMax, {bytesMax} bytes (after decompression). Send smaller batches.");

    private static RequestException UnsupportedMedia(string detail, string? acceptEncoding) =>
        new(ErrorCodes.BadRequest, detail, StatusCodes.Status415UnsupportedMediaType) { AcceptEncoding = acceptEncoding };
}
