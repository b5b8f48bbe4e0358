using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Tidemark.Model.Protocol;
using Tidemark.Server.Tests.Access;
using Tidemark.Server.Tests.Http;

namespace Tidemark.Server.Tests.Attacks;

/// <summary>Little that becomes much, deep or long.</summary>
[Trait("req", "SRV-07")]
public sealed class BombTests
{
    [Theory]
    [InlineData("gzip")]
    [InlineData("br")]
    public async Task A_small_body_that_unpacks_to_much_is_given_up_at_the_limit(string coding)
    {
        var (server, ann) = await Attack.StartAsync(new ServerOptions { Dev = true, Limits = new WireLimits { RequestBytesMax = 1024 * 1024 } });
        await using var _ = server;
        var bomb = Bomb(coding, 300 * 1024 * 1024);
        Assert.True(bomb.Length < 1024 * 1024);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        foreach (var path in new[] { "/sync/push", "/sync/changes", "/sync/rows" })
        {
            await Attack.RefusedAsync(server, () => ann.Client.PostAsync(new Uri(path, UriKind.Relative), HttpMessages.Json(bomb, coding)), 413, ErrorCodes.TooLarge);
        }

        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 60L * 1024 * 1024);
        await Attack.RefusedAsync(server, () => ann.Client.PostAsync(new Uri("/devices", UriKind.Relative), HttpMessages.Json(bomb, coding)), 413, ErrorCodes.TooLarge);
    }

    [Fact]
    public async Task A_body_packed_twice_is_not_unpacked_at_all()
    {
        var (server, ann) = await Attack.StartAsync();
        await using var _ = server;
        var content = HttpMessages.Json(Bomb("gzip", 1024), "gzip");
        content.Headers.ContentEncoding.Add("gzip");
        await Attack.RefusedAsync(server, () => ann.Client.PostAsync(new Uri("/sync/push", UriKind.Relative), content), 415, ErrorCodes.BadRequest);
    }

    [Fact]
    public async Task Nesting_without_end_and_lists_without_end_are_refused()
    {
        var (server, ann) = await Attack.StartAsync(new ServerOptions { Dev = true, Limits = new WireLimits { CommandsMax = 10 } });
        await using var _ = server;
        foreach (var levels in new[] { 100, 20_000 })
        {
            var deep = new string('[', levels) + new string(']', levels);
            foreach (var (path, body) in new[] { ("/sync/push", Samples.Push(9, deep)), ("/sync/push", deep), ("/sync/changes", $$"""{"cursors":{{deep}}}"""), ("/sync/rows", $$"""{"entityType":"notes","entityIds":[{{deep}}]}"""), ("/devices", deep) })
            {
                await Attack.RefusedAsync(server, () => ann.Client.PostAsync(path, body), 400, ErrorCodes.BadRequest);
            }

            await Attack.RefusedAsync(server, () => ann.Client.PutAsync(new Uri("/sync/model", UriKind.Relative), HttpMessages.Json(deep)), 400, ErrorCodes.BadRequest);
        }

        await Attack.RefusedAsync(server, () => ann.Client.PostAsync("/sync/push", Samples.Push(9, string.Join(',', Enumerable.Range(20, 11).Select(Sessions.Note)))), 413, ErrorCodes.TooLarge);
        await Attack.RefusedAsync(server, () => ann.Client.PostAsync("/sync/verdicts", $$"""{"commandIds":[{{string.Join(',', Enumerable.Range(1, 5001).Select(i => $"\"{Samples.Command(i)}\""))}}]}"""), 413, ErrorCodes.TooLarge);
        await Attack.RefusedAsync(server, () => ann.Client.GetAsync("/sync/changes?limit=2147483647"), 400, ErrorCodes.BadRequest);
    }

    [Fact]
    public async Task A_body_that_comes_slowly_is_given_up_when_its_time_is_over()
    {
        var (server, _) = await Attack.StartAsync(requestTime: TimeSpan.FromSeconds(1));
        await using var __ = server;
        using var slow = new TcpClient();
        await slow.ConnectAsync(IPAddress.Loopback, server.Address.Port);
        var stream = slow.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /sync/push HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {server.Tokens.Create("ann", TimeSpan.FromHours(1))}\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{{"));
        using var reader = new StreamReader(stream);
        Assert.Equal("HTTP/1.1 408 Request Timeout", await reader.ReadLineAsync().WaitAsync(Sessions.Deadline));
        Assert.Single(server.Log.All, l => l.Text.Contains("Refused with UNAVAILABLE (408)", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("GET /sync/changes?cursor=", 20_000, "HTTP/1.1 414 URI Too Long", "TOO_LARGE (414)")]
    [InlineData("GET /spaces HTTP/1.1\r\nHost: a\r\nX-Long: ", 100_000, "HTTP/1.1 431 Request Header Fields Too Large", "TOO_LARGE (431)")]
    [InlineData("GET /spaces?a=secret\0", 10, "HTTP/1.1 400 Bad Request", "BAD_REQUEST (400)")]
    [InlineData("secret\u0001", 10, "HTTP/1.1 400 Bad Request", "BAD_REQUEST (400)")]
    public async Task Long_lines_and_headers_and_what_is_no_HTTP_are_cut_off_and_told_once(string start, int length, string wanted, string told)
    {
        await using var server = await HttpServer.StartAsync();
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, server.Address.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(start + new string('a', length) + " HTTP/1.1\r\n\r\n"));
        using var reader = new StreamReader(stream);
        Assert.Equal(wanted, await reader.ReadLineAsync().WaitAsync(Sessions.Deadline));
        await server.Log.SeenAsync("Refused with " + told);
        Assert.Single(server.Log.All, l => l.Text.Contains("Refused with", StringComparison.Ordinal));
        Assert.DoesNotContain(server.Log.All, l => l.Text.Contains("secret", StringComparison.Ordinal) || l.Text.Contains("aaaa", StringComparison.Ordinal));
    }

    private static byte[] Bomb(string coding, int length)
    {
        using var target = new MemoryStream();
        using (Stream packer = coding == "br" ? new BrotliStream(target, CompressionLevel.Fastest) : new GZipStream(target, CompressionLevel.SmallestSize))
        {
            var part = new byte[1024 * 1024];
            Array.Fill(part, (byte)' ');
            for (var left = length; left > 0; left -= part.Length)
            {
                packer.Write(part.AsSpan(0, Math.Min(left, part.Length)));
            }
        }

        return target.ToArray();
    }
}
