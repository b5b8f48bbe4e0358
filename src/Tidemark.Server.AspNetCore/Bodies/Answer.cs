using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Tidemark.Server.AspNetCore.Bodies;

/// <summary>A JSON answer of ready bytes, compressed when the client reads that.</summary>
internal sealed class Answer(ReadOnlyMemory<byte> utf8, IDisposable? owner = null) : IResult
{
    public const string Json = "application/json";

    /// <summary>A message of the wire.</summary>
    public static Answer Of<T>(T message, JsonTypeInfo<T> type)
    {
        var bytes = new PooledBytes(1024);
        using (var writer = new Utf8JsonWriter(bytes, new JsonWriterOptions { SkipValidation = true, Encoder = type.Options.Encoder }))
        {
            JsonSerializer.Serialize(writer, message, type);
        }

        return new Answer(bytes.Written, bytes);
    }

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        using var _ = owner;
        var response = httpContext.Response;
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = Json;
        response.Headers.Vary = "Accept-Encoding";
        var coding = utf8.Length < ContentCoding.CompressedBytesMin ? null : ContentCoding.Choose(httpContext.Request.Headers.AcceptEncoding);
        if (coding is null)
        {
            response.ContentLength = utf8.Length;
            await response.Body.WriteAsync(utf8, httpContext.RequestAborted).ConfigureAwait(false);
            return;
        }

        response.Headers.ContentEncoding = coding;
        var compressed = ContentCoding.Compress(response.Body, coding);
        await using (compressed.ConfigureAwait(false))
        {
            await compressed.WriteAsync(utf8, httpContext.RequestAborted).ConfigureAwait(false);
        }
    }
}
