using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Tidemark.Model.Protocol;

namespace Tidemark.Server.Tests.Http;

/// <summary>What a body may not be: every one is refused with its reason and never with a 500.</summary>
[Trait("req", "SRV-07")]
public sealed class BodyTests
{
    private const int BytesMax = 64 * 1024;

    private static ServerOptions Small => new() { Dev = true, Limits = new WireLimits { RequestBytesMax = BytesMax } };

    [Theory]
    [InlineData("/sync/push")]
    [InlineData("/sync/changes")]
    [InlineData("/sync/verdicts")]
    [InlineData("/sync/rows")]
    [InlineData("/sync/checksums")]
    public async Task What_is_not_the_request_s_JSON_is_a_bad_request(string path)
    {
        await using var server = await StartAsync();
        var client = server.Client();
        string[] bodies =
        [
            "",
            "null",
            "[]",
            "1",
            "<html><body>It works</body></html>",
            "{\"space\":\"a\"",
            "{\"space\":\"a\",}",
            "{\"space\":\"a\",\"space\":\"b\"}",
            "{\"space\":\"\\ud800\",\"commandIds\":[],\"entityType\":\"notes\",\"entityIds\":[],\"deviceId\":\"d\",\"storeId\":\"s\",\"commands\":[]}",
            "{\"space\":1}",
            "{\"x\":" + new string('[', 100) + new string(']', 100) + "}",
            new string('[', 20_000),
        ];

        foreach (var body in bodies)
        {
            using var answer = await client.PostAsync(path, body);
            var problem = await answer.ProblemAsync(400, ErrorCodes.BadRequest);
            Assert.False(problem.Retryable);
        }
    }

    [Theory]
    [InlineData("/sync/push")]
    [InlineData("/sync/checksums")]
    public async Task Bytes_that_are_not_UTF_8_are_a_bad_request(string path)
    {
        await using var server = await StartAsync();
        byte[] body = [.. "{\"space\":\""u8, 0xC3, 0x28, .. "\",\"deviceId\":\"d\",\"storeId\":\"s\",\"commands\":[]}"u8];

        using var answer = await server.Client().PostAsync(new Uri(path, UriKind.Relative), HttpMessages.Json(body));

        await answer.ProblemAsync(400, ErrorCodes.BadRequest);
    }

    [Fact]
    public async Task A_body_of_another_media_type_is_refused()
    {
        await using var server = await StartAsync();
        var client = server.Client();
        foreach (var type in new[] { "text/plain", "application/x-www-form-urlencoded", "text/html" })
        {
            using var answer = await client.PostAsync(new Uri("/sync/checksums", UriKind.Relative), new StringContent("{}", Encoding.UTF8, type));
            var problem = await answer.ProblemAsync(415, ErrorCodes.BadRequest);
            Assert.Contains("application/json", problem.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_body_of_the_limit_is_read_and_one_byte_more_is_too_large()
    {
        await using var server = await StartAsync(Small);
        var client = server.Client();

        using var fits = await client.PostAsync("/sync/checksums", Padded(BytesMax));
        using var over = await client.PostAsync("/sync/checksums", Padded(BytesMax + 1));

        Assert.Equal(HttpStatusCode.OK, fits.StatusCode);
        var problem = await over.ProblemAsync(413, ErrorCodes.TooLarge);
        Assert.Contains("requestBytesMax", problem.Detail, StringComparison.Ordinal);
        Assert.Contains($"{BytesMax}", problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_chunked_body_has_the_same_limit()
    {
        await using var server = await StartAsync(Small);
        var client = server.Client();

        foreach (var (length, wanted) in new[] { (BytesMax, 200), (BytesMax + 1, 413), (8 * BytesMax, 413) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/sync/checksums") { Content = HttpMessages.Json(Padded(length)) };
            request.Headers.TransferEncodingChunked = true;
            using var answer = await client.SendAsync(request);
            Assert.Equal(wanted, (int)answer.StatusCode);
        }
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public async Task A_compressed_body_is_read_and_its_limit_is_that_of_what_it_unpacks_to(string coding)
    {
        await using var server = await StartAsync(Small);
        var client = server.Client();
        foreach (var (length, wanted) in new[] { (2, 200), (BytesMax, 200), (BytesMax + 1, 413), (64 * 1024 * 1024, 413) })
        {
            var packed = Compress(Encoding.UTF8.GetBytes(Padded(length)), coding);
            Assert.True(packed.Length < BytesMax || length > BytesMax);
            using var answer = await client.PostAsync(new Uri("/sync/checksums", UriKind.Relative), HttpMessages.Json(packed, coding));
            if (wanted == 413)
            {
                await answer.ProblemAsync(413, ErrorCodes.TooLarge);
            }
            else
            {
                Assert.Equal(wanted, (int)answer.StatusCode);
            }
        }
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public async Task A_damaged_compressed_body_is_a_bad_request(string coding)
    {
        await using var server = await StartAsync();
        var client = server.Client();
        var packed = Compress(Encoding.UTF8.GetBytes(Padded(20_000)), coding);
        byte[][] bodies = [[], "{}"u8.ToArray(), packed[..(packed.Length / 2)], [0xFF, .. packed[1..]], [.. Enumerable.Repeat((byte)0xA7, 500)]];

        foreach (var body in bodies)
        {
            using var answer = await client.PostAsync(new Uri("/sync/checksums", UriKind.Relative), HttpMessages.Json(body, coding));
            await answer.ProblemAsync(400, ErrorCodes.BadRequest);
        }
    }

    [Fact]
    public async Task An_unknown_coding_is_refused_with_those_that_are_known()
    {
        await using var server = await StartAsync();

        using var answer = await server.Client().PostAsync(new Uri("/sync/checksums", UriKind.Relative), HttpMessages.Json("{}"u8.ToArray(), "zstd"));

        await answer.ProblemAsync(415, ErrorCodes.BadRequest);
        Assert.Equal("gzip, br", string.Join(", ", answer.Headers.GetValues("Accept-Encoding")));
    }

    [Fact]
    public async Task A_sender_of_far_too_much_gets_to_see_why()
    {
        await using var server = await StartAsync();
        var body = new ByteArrayContent(new byte[24 * 1024 * 1024]);
        body.Headers.ContentType = new MediaTypeHeaderValue("application/json");

        using var answer = await server.Client().PostAsync(new Uri("/sync/push", UriKind.Relative), body);

        await answer.ProblemAsync(413, ErrorCodes.TooLarge);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("{\"a\":null}")]
    [InlineData("{\"a\":{\"notes\":null}}")]
    [InlineData("{\"a\":{\"notes\":{\"1\":\"no id\"}}}")]
    public async Task Lost_ids_of_another_form_are_a_bad_request(string lost)
    {
        await using var server = await StartAsync();

        using var answer = await server.Client().PostAsync("/sync/push", Samples.Push(1, "", $",\"lost\":{lost}"));

        await answer.ProblemAsync(400, ErrorCodes.BadRequest);
    }

    [Fact]
    public async Task Members_that_nobody_knows_are_ignored_in_an_envelope()
    {
        await using var server = await StartAsync();

        using var answer = await server.Client().PostAsync("/sync/checksums", """{"space":null,"future":{"a":[1,2]}}""");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    private static async Task<HttpServer> StartAsync(ServerOptions? options = null)
    {
        var server = await HttpServer.StartAsync(options);
        using var answer = await server.Client().PutAsync(new Uri("/sync/model", UriKind.Relative), HttpMessages.Json(Samples.Model));
        await answer.JsonAsync();
        return server;
    }

    // An object of just so many bytes.
    private static string Padded(int length) => "{" + new string(' ', length - 2) + "}";

    private static byte[] Compress(byte[] bytes, string coding)
    {
        using var target = new MemoryStream();
        using (Stream packer = coding == "br" ? new BrotliStream(target, CompressionLevel.Fastest) : new GZipStream(target, CompressionLevel.Fastest))
        {
            packer.Write(bytes);
        }

        return target.ToArray();
    }
}
