using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Endpoints;
using Tidemark.Server.AspNetCore.OpenApi;
using Tidemark.Server.AspNetCore.Problems;
using Tidemark.Server.Blobs;

namespace Tidemark.Server.AspNetCore.Blobs;

/// <summary>Blobs by the protocol tus 1.0 (https://tus.io/protocols/resumable-upload): creation, checksum, expiration, termination.</summary>
internal static class BlobEndpoints
{
    private const string Version = "1.0.0";
    private const string OffsetType = "application/offset+octet-stream";
    private const string BlobType = "application/octet-stream";
    private const int Mismatch = 460;

    public static void Map(RouteGroupBuilder group)
    {
        group.MapMethods("/blobs", ["OPTIONS"], Abilities).Describe(BlobOperations.Abilities);
        group.MapPost("/blobs", Create).Describe(BlobOperations.Create).Produces(StatusCodes.Status201Created);
        group.MapMethods("/blobs/uploads/{id}", ["HEAD"], HeadAsync).Describe(BlobOperations.Offset);
        group.MapPatch("/blobs/uploads/{id}", AppendAsync).Describe(BlobOperations.Append).Produces(StatusCodes.Status204NoContent);
        group.MapDelete("/blobs/uploads/{id}", DeleteAsync).Describe(BlobOperations.Terminate).Produces(StatusCodes.Status204NoContent);
        group.MapMethods("/blobs/{sha256}", ["GET", "HEAD"], GetAsync).Describe(BlobOperations.Read).Produces(StatusCodes.Status200OK, contentType: BlobType);
    }

    private static NoContent Abilities(HttpContext http, BlobServer server)
    {
        var headers = http.Response.Headers;
        headers["Tus-Resumable"] = Version;
        headers["Tus-Version"] = Version;
        headers["Tus-Extension"] = "creation,checksum,expiration,termination";
        headers["Tus-Checksum-Algorithm"] = "sha256,sha1";
        headers["Tus-Max-Size"] = Text(server.Options.BlobBytesMax);
        return TypedResults.NoContent();
    }

    private static StatusCodeHttpResult Create(HttpContext http, BlobServer server)
    {
        CheckVersion(http);
        var length = Number(http, "Upload-Length");
        var upload = server.Create(Callers.Of(http.User), length, MetadataOf(http.Request.Headers["Upload-Metadata"].ToString(), "sha256"));
        http.Response.Headers.Location = $"{http.Request.PathBase}/blobs/uploads/{upload.Id}";
        Say(http, upload);
        return TypedResults.StatusCode(StatusCodes.Status201Created);
    }

    private static async Task<Ok> HeadAsync(HttpContext http, string id, BlobServer server, CancellationToken cancellationToken)
    {
        CheckVersion(http);
        Say(http, await FindUploadAsync(http, id, server, cancellationToken).ConfigureAwait(false));
        http.Response.Headers.CacheControl = "no-store";
        return TypedResults.Ok();
    }

    private static async Task<NoContent> AppendAsync(HttpContext http, string id, BlobServer server, CancellationToken cancellationToken)
    {
        CheckVersion(http);
        if (http.Request.ContentType != OffsetType)
        {
            throw new RequestException(ErrorCodes.BadRequest, "The body must be sent as " + OffsetType + ".", StatusCodes.Status415UnsupportedMediaType);
        }

        var upload = await FindUploadAsync(http, id, server, cancellationToken).ConfigureAwait(false);
        if (Number(http, "Upload-Offset") != upload.Offset)
        {
            Say(http, upload);
            throw new RequestException(ErrorCodes.BadRequest, $"The upload is at {upload.Offset}; go on there.", StatusCodes.Status409Conflict);
        }

        if (upload.Offset < upload.Length)
        {
            var kept = await KeepAsync(http, upload, server, cancellationToken).ConfigureAwait(false);
            switch (kept)
            {
                case BlobAppend.PieceMismatch:
                    throw new RequestException(ErrorCodes.BadRequest, "The piece is not what its checksum says; it was not kept.", Mismatch);
                case BlobAppend.WholeMismatch:
                    throw new RequestException(ErrorCodes.BadRequest, "The whole is not what its SHA-256 says; begin again.", Mismatch);
                case BlobAppend.TooMuch:
                    throw new RequestException(ErrorCodes.TooLarge, "More came than Upload-Length says; nothing of it was kept.");
                default:
                    upload = kept == BlobAppend.Complete ? upload with { Offset = upload.Length } : await FindUploadAsync(http, id, server, cancellationToken).ConfigureAwait(false);
                    break;
            }
        }

        Say(http, upload);
        return TypedResults.NoContent();
    }

    private static Task<BlobAppend> KeepAsync(HttpContext http, BlobUpload upload, BlobServer server, CancellationToken cancellationToken)
    {
        var checksum = ChecksumOf(http.Request.Headers["Upload-Checksum"].ToString());
        return StoredAsync(http, () => server.AppendAsync(Callers.Of(http.User), upload, http.Request.Body, checksum, cancellationToken));
    }

    private static async Task<NoContent> DeleteAsync(HttpContext http, string id, BlobServer server, CancellationToken cancellationToken)
    {
        CheckVersion(http);
        server.Drop(Callers.Of(http.User), await FindUploadAsync(http, id, server, cancellationToken).ConfigureAwait(false));
        http.Response.Headers["Tus-Resumable"] = Version;
        return TypedResults.NoContent();
    }

    private static async Task<FileStreamHttpResult> GetAsync(HttpContext http, string sha256, BlobServer server, CancellationToken cancellationToken) =>
        await StoredAsync(http, () => server.OpenAsync(Callers.Of(http.User), sha256, cancellationToken)).ConfigureAwait(false) is { } bytes
            ? TypedResults.Stream(bytes, BlobType, entityTag: new EntityTagHeaderValue($"\"{sha256}\""), enableRangeProcessing: bytes.CanSeek)
            : throw new RequestException(ErrorCodes.BadRequest, "There is no such blob.", StatusCodes.Status404NotFound);

    private static async Task<BlobUpload> FindUploadAsync(HttpContext http, string id, BlobServer server, CancellationToken cancellationToken) =>
        await StoredAsync(http, () => server.FindUploadAsync(Callers.Of(http.User), id, cancellationToken)).ConfigureAwait(false)
        ?? throw new RequestException(ErrorCodes.BadRequest, "There is no such upload: it is complete, has expired, or never was.", StatusCodes.Status404NotFound);

    private static async Task<T> StoredAsync<T>(HttpContext http, Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (IOException e) when (e is not BadHttpRequestException && !http.RequestAborted.IsCancellationRequested)
        {
            throw new RequestException(ErrorCodes.Unavailable, "Another request appends to the upload, or the storage cannot be reached.", inner: e);
        }
    }

    private static void Say(HttpContext http, BlobUpload upload)
    {
        var headers = http.Response.Headers;
        headers["Tus-Resumable"] = Version;
        headers["Upload-Offset"] = Text(upload.Offset);
        headers["Upload-Length"] = Text(upload.Length);
        headers["Upload-Expires"] = DateTimeOffset.FromUnixTimeMilliseconds(upload.ExpiresMs).ToString("r", CultureInfo.InvariantCulture);
    }

    private static void CheckVersion(HttpContext http)
    {
        if (http.Request.Headers["Tus-Resumable"] != Version)
        {
            http.Response.Headers["Tus-Version"] = Version;
            throw new RequestException(ErrorCodes.BadRequest, $"Send Tus-Resumable: {Version}.", StatusCodes.Status412PreconditionFailed);
        }
    }

    private static long Number(HttpContext http, string header) =>
        long.TryParse(http.Request.Headers[header].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new RequestException(ErrorCodes.BadRequest, header + " must be a whole number.");

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    // name base64, name base64, ...
    private static string MetadataOf(string header, string name)
    {
        foreach (var pair in header.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (pair.Split(' ') is [var key, var value] && key == name)
            {
                return Encoding.UTF8.GetString(Decoded(value, "Upload-Metadata"));
            }
        }

        return "";
    }

    private static (HashAlgorithmName, byte[])? ChecksumOf(string header) => header.Length == 0 ? null : header.Split(' ') switch
    {
        ["sha256", var digest] => (HashAlgorithmName.SHA256, Decoded(digest, "Upload-Checksum")),
        ["sha1", var digest] => (HashAlgorithmName.SHA1, Decoded(digest, "Upload-Checksum")), // Every server of the protocol knows it.
        _ => throw new RequestException(ErrorCodes.BadRequest, "Upload-Checksum must be sha256 or sha1 and the digest in base64."),
    };

    private static byte[] Decoded(string base64, string header)
    {
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out var length) ? bytes[..length] : throw new RequestException(ErrorCodes.BadRequest, header + " has something that is not base64.");
    }
}
