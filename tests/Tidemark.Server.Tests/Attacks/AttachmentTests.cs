using System.Security.Cryptography;
using System.Text;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.Blobs;
using Tidemark.Server.Tests.Http;

namespace Tidemark.Server.Tests.Attacks;

/// <summary>Another user's attachments, and names that lead out of the folder.</summary>
[Trait("req", "SRV-05")]
[Trait("req", "SRV-07")]
public sealed class AttachmentTests
{
    private static readonly byte[] Bytes = Encoding.UTF8.GetBytes("what ann's heart did");
    private static readonly string Digest = Convert.ToHexStringLower(SHA256.HashData(Bytes));

    [Fact]
    public async Task Another_user_s_attachment_and_upload_are_not_there_for_any_request()
    {
        using var blobs = new Testing.TempFolder();
        await using var server = await HttpServer.StartAsync(configure: b => b.Services.AddTidemarkBlobs(new FileBlobs(blobs.Path)));
        var (ann, ben) = (server.Client("ann"), server.Client("ben"));
        var whole = await BeginAsync(ann);
        using (var kept = await ann.SendAsync(Tus(HttpMethod.Patch, whole, Bytes), None))
        {
            Assert.Equal(204, (int)kept.StatusCode);
        }

        var open = await BeginAsync(ann);
        await Attack.RefusedAsync(server, () => ben.SendAsync(Tus(HttpMethod.Get, "/blobs/" + Digest), None), 404, ErrorCodes.BadRequest, Digest);
        await Attack.RefusedAsync(server, () => ben.SendAsync(Tus(HttpMethod.Patch, open, Bytes), None), 404, ErrorCodes.BadRequest, open);
        await Attack.RefusedAsync(server, () => ben.SendAsync(Tus(HttpMethod.Delete, open), None), 404, ErrorCodes.BadRequest, open);
        foreach (var name in new[] { "..%2f..%2ftidemark.db", "%2e%2e", Digest.ToUpperInvariant(), Digest + "0", "%00", "C:%5cwindows" })
        {
            using var answer = await ben.SendAsync(Tus(HttpMethod.Get, "/blobs/" + name), None);
            Assert.True((int)answer.StatusCode is >= 400 and < 500, $"{name}: {answer.StatusCode}");
        }

        // The same bytes pushed by somebody else are his own, and tell him nothing of ann's.
        var own = await BeginAsync(ben);
        await Attack.RefusedAsync(server, () => ben.SendAsync(Tus(HttpMethod.Get, "/blobs/" + Digest), None), 404, ErrorCodes.BadRequest);
        using var still = await ann.SendAsync(Tus(HttpMethod.Get, "/blobs/" + Digest), None);
        Assert.Equal(Bytes, await still.Content.ReadAsByteArrayAsync(None));
        Assert.NotEqual(open, own);
    }

    private static CancellationToken None => CancellationToken.None;

    private static async Task<string> BeginAsync(HttpClient client)
    {
        using var asked = Tus(HttpMethod.Post, "/blobs");
        asked.Headers.Add("Upload-Length", Bytes.Length.ToString(System.Globalization.CultureInfo.InvariantCulture));
        asked.Headers.Add("Upload-Metadata", "sha256 " + Convert.ToBase64String(Encoding.ASCII.GetBytes(Digest)));
        using var answer = await client.SendAsync(asked, None);
        Assert.Equal(201, (int)answer.StatusCode);
        return answer.Headers.Location!.OriginalString;
    }

    private static HttpRequestMessage Tus(HttpMethod method, string path, byte[]? piece = null)
    {
        var request = new HttpRequestMessage(method, path);
        request.Headers.Add("Tus-Resumable", "1.0.0");
        if (piece is not null)
        {
            request.Headers.Add("Upload-Offset", "0");
            request.Content = new ByteArrayContent(piece) { Headers = { ContentType = new("application/offset+octet-stream") } };
        }

        return request;
    }
}
