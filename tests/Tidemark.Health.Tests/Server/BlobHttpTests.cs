using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes.Http;
using Tidemark.Health.Apple;
using Tidemark.Health.Importing;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Health.Sync;
using Tidemark.Health.Synthetic;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.Sqlite;
using Tidemark.Server.Sqlite.Health;
using Tidemark.Sqlite;

namespace Tidemark.Health.Tests.Server;

/// <summary>Resumable uploads against a real server, by the words of tus 1.0.</summary>
[Trait("req", "HLT-07")]
public sealed class BlobHttpTests : IAsyncLifetime
{
    private static readonly byte[] Bytes = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 31))];
    private readonly TempFolder _folder = new();
    private readonly ManualClock _clock = new();
    private readonly List<HttpClient> _clients = [];
    private SqliteHealthStore _health = null!;
    private WebApplication _app = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _health = SqliteHealthStore.Open(_folder.File("health.db"));
        _app = TidemarkHost.Create(new TidemarkHostOptions
        {
            Urls = ["http://127.0.0.1:0"],
            DataDirectory = _folder.Path,
            Store = SqliteServerStore.Open(_folder.File("server.db"), ServerEnvironment.System),
            Health = _health,
            BlobFolder = Path.Combine(_folder.Path, "blobs"),
            Environment = new ServerEnvironment { Time = _clock },
            Server = new ServerOptions { Dev = true },
            Configure = b => b.Logging.ClearProviders(),
        });
        await _app.StartAsync(Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(c => c.Dispose());
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task An_upload_in_pieces_ends_as_a_blob_of_its_owner_alone()
    {
        using var abilities = await SendAsync("ann", HttpMethod.Options, "blobs");
        Assert.Equal("creation,checksum,expiration,termination", Header(abilities, "Tus-Extension"));
        var upload = await CreateAsync("ann", Bytes);
        using (var first = await AppendAsync("ann", upload, 0, Bytes.AsMemory(0, 30_000)))
        {
            Assert.Equal((HttpStatusCode.NoContent, "30000"), (first.StatusCode, Header(first, "Upload-Offset")));
        }

        using (var head = await SendAsync("ann", HttpMethod.Head, upload))
        {
            Assert.Equal(("30000", "100000"), (Header(head, "Upload-Offset"), Header(head, "Upload-Length")));
            Assert.Equal(_clock.Now.AddDays(7).ToString("r", CultureInfo.InvariantCulture), Header(head, "Upload-Expires"));
        }

        using (var wrong = await AppendAsync("ann", upload, 29_999, Bytes.AsMemory(0, 10)))
        {
            Assert.Equal((HttpStatusCode.Conflict, "30000"), (wrong.StatusCode, Header(wrong, "Upload-Offset")));
        }

        using (var other = await SendAsync("bob", HttpMethod.Head, upload))
        {
            Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
        }

        using (var last = await AppendAsync("ann", upload, 30_000, Bytes.AsMemory(30_000)))
        {
            Assert.Equal("100000", Header(last, "Upload-Offset"));
        }

        var name = Name(Bytes);
        Assert.Equal(Bytes, await Client("ann").GetByteArrayAsync(new Uri("blobs/" + name, UriKind.Relative), Cancel));
        using var foreign = await SendAsync("bob", HttpMethod.Get, "blobs/" + name);
        Assert.Equal(HttpStatusCode.NotFound, foreign.StatusCode);
        using var gone = await SendAsync("ann", HttpMethod.Head, upload);
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
    }

    [Theory]
    [InlineData("sha256")]
    [InlineData("sha1")]
    public async Task A_piece_that_is_not_what_its_checksum_says_is_not_kept(string algorithm)
    {
        var upload = await CreateAsync("ann", Bytes);
        var piece = Bytes.AsMemory(0, 1000);
        var digest = Convert.ToBase64String(algorithm == "sha1" ? Sha1(piece.Span) : SHA256.HashData(piece.Span));
        using (var wrong = await AppendAsync("ann", upload, 0, Bytes.AsMemory(1, 1000), ("Upload-Checksum", $"{algorithm} {digest}")))
        {
            Assert.Equal((HttpStatusCode)460, wrong.StatusCode);
        }

        using var right = await AppendAsync("ann", upload, 0, piece, ("Upload-Checksum", $"{algorithm} {digest}"));
        Assert.Equal("1000", Header(right, "Upload-Offset"));
    }

    [Fact]
    public async Task A_whole_that_is_not_what_its_digest_says_is_no_blob_and_more_than_announced_is_not_kept()
    {
        var upload = await CreateAsync("ann", Bytes);
        using (var more = await AppendAsync("ann", upload, 0, new byte[100_001]))
        {
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, more.StatusCode);
        }

        using (var head = await SendAsync("ann", HttpMethod.Head, upload))
        {
            Assert.Equal("0", Header(head, "Upload-Offset"));
        }

        using (var wrong = await AppendAsync("ann", upload, 0, new byte[100_000]))
        {
            Assert.Equal((HttpStatusCode)460, wrong.StatusCode);
        }

        using var blob = await SendAsync("ann", HttpMethod.Head, "blobs/" + Name(Bytes));
        Assert.Equal(HttpStatusCode.NotFound, blob.StatusCode);
    }

    /// <summary>A connection that breaks in the middle of a piece leaves what came of it: that is what makes a slow network get on.</summary>
    [Fact]
    public async Task What_came_before_a_connection_broke_is_kept()
    {
        var upload = await CreateAsync("ann", Bytes);
        var address = new Uri(_app.Urls.First());
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(address.Host, address.Port, Cancel);
            var head = $"PATCH {upload} HTTP/1.1\r\nHost: {address.Authority}\r\nAuthorization: {Client("ann").DefaultRequestHeaders.Authorization}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 100000\r\n\r\n";
            await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head), Cancel);
            await socket.GetStream().WriteAsync(Bytes.AsMemory(0, 40_000), Cancel);
            await socket.GetStream().FlushAsync(Cancel);
            await UntilAsync(() => new DirectoryInfo(Path.Combine(_folder.Path, "blobs")).EnumerateFiles("*", SearchOption.AllDirectories).Single().Length == 40_000);
        }

        // The other end learns of it in its own time.
        HttpResponseMessage rest;
        while ((rest = await AppendAsync("ann", upload, 40_000, Bytes.AsMemory(40_000))).StatusCode == HttpStatusCode.ServiceUnavailable)
        {
            rest.Dispose();
            await Task.Yield();
        }

        using (rest)
        {
            Assert.Equal("100000", Header(rest, "Upload-Offset"));
        }

        Assert.Equal(Bytes, await Client("ann").GetByteArrayAsync(new Uri("blobs/" + Name(Bytes), UriKind.Relative), Cancel));
    }

    [Fact]
    public async Task An_upload_expires_and_can_be_given_up()
    {
        var expired = await CreateAsync("ann", Bytes);
        var given = await CreateAsync("ann", Bytes);
        using (var deleted = await SendAsync("ann", HttpMethod.Delete, given))
        {
            Assert.Equal(HttpStatusCode.NoContent, deleted.StatusCode);
        }

        _clock.Now += TimeSpan.FromDays(8);
        foreach (var upload in new[] { expired, given })
        {
            using var head = await SendAsync("ann", HttpMethod.Head, upload);
            Assert.Equal(HttpStatusCode.NotFound, head.StatusCode);
        }

        Assert.Empty(new DirectoryInfo(Path.Combine(_folder.Path, "blobs")).EnumerateFiles("*", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("Tus-Resumable: 0.2.2", HttpStatusCode.PreconditionFailed)]
    [InlineData("Upload-Length: -1", HttpStatusCode.BadRequest)]
    [InlineData("Upload-Length: 99999999999", HttpStatusCode.RequestEntityTooLarge)]
    [InlineData("Upload-Metadata: sha256 !!!", HttpStatusCode.BadRequest)]
    [InlineData("Upload-Metadata: sha256 Li4vLi4vZXRjL3Bhc3N3ZA==", HttpStatusCode.BadRequest)]
    [InlineData("Upload-Metadata: other eA==", HttpStatusCode.BadRequest)]
    public async Task What_cannot_be_begun_is_refused(string header, HttpStatusCode status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "blobs");
        foreach (var line in (string[])["Tus-Resumable: 1.0.0", "Upload-Length: 5", "Upload-Metadata: sha256 " + Convert.ToBase64String(Encoding.ASCII.GetBytes(Name(Bytes)))])
        {
            var use = header.StartsWith(line[..(line.IndexOf(':', StringComparison.Ordinal) + 1)], StringComparison.Ordinal) ? header : line;
            request.Headers.TryAddWithoutValidation(use[..use.IndexOf(':', StringComparison.Ordinal)], use[(use.IndexOf(':', StringComparison.Ordinal) + 2)..]);
        }

        using var response = await Client("ann").SendAsync(request, Cancel);
        Assert.Equal(status, response.StatusCode);
    }

    /// <summary>An export with ECGs and routes: each large part is a blob before its sample is there, and the sample says which.</summary>
    [Theory]
    [InlineData("Electrocardiogram", "waveform")]
    [InlineData("WorkoutRoute", "points")]
    public async Task The_large_part_of_a_sample_goes_by_itself_and_its_sample_after_it(string type, string large)
    {
        var manifest = HealthExportGenerator.Generate(_folder.File("a.zip"), new GenerateOptions { Seed = 3, Records = 3000 });
        using var phone = HealthStore.Open(_folder.File("phone.db"), SyncEnvironment.System, Durability.Off);
        using (var export = AppleHealthExport.Open(_folder.File("a.zip")))
        {
            await AppleImport.RunAsync(export, phone, new ImportOptions(), null, Cancel);
        }

        using var remote = new TidemarkHttpRemote(new Uri(_app.Urls.First()), _ => Task.FromResult(Client("ann").DefaultRequestHeaders.Authorization!.Parameter!), SyncEnvironment.System);
        var sync = new HealthSync(phone, new StoredHealthSource(phone), new TidemarkHealthUploader(remote), "phone", new HealthSyncOptions(), SyncEnvironment.System);
        var report = await sync.RunAsync(null, Cancel);
        Assert.Equal((HealthOutcome.Done, 0L, 0L), (report.Outcome, report.Waiting, report.Rejected));
        var samples = await _health.ReadAsync(new SpaceId("u:ann"), type, 0, long.MaxValue, null, 100, Cancel);
        Assert.Equal(manifest.Samples[type], samples.Count);
        foreach (var sample in samples)
        {
            using var extra = System.Text.Json.JsonDocument.Parse(sample.Extra!.Value.Utf8);
            Assert.False(extra.RootElement.TryGetProperty(large, out _));
            var name = extra.RootElement.GetProperty("sha256").GetString()!;
            var blob = await Client("ann").GetByteArrayAsync(new Uri("blobs/" + name, UriKind.Relative), Cancel);
            Assert.Equal((name, extra.RootElement.GetProperty("blob").GetInt32()), (Name(blob), blob.Length));
        }

        Assert.False(await phone.ReadAsync(phone.Blobs.HasAny, Cancel));
    }

#pragma warning disable CA5350 // what the protocol asks of every server
    private static byte[] Sha1(ReadOnlySpan<byte> bytes) => SHA1.HashData(bytes);
#pragma warning restore CA5350

    private static string Name(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static string? Header(HttpResponseMessage response, string name) => response.Headers.TryGetValues(name, out var values) ? values.Single() : null;

    private static async Task UntilAsync(Func<bool> holds)
    {
        for (var i = 0; !holds(); i++)
        {
            Assert.True(i < 1_000_000, "It did not come to be.");
            await Task.Yield();
        }
    }

    private async Task<string> CreateAsync(string user, byte[] whole)
    {
        using var made = await SendAsync(user, HttpMethod.Post, "blobs", null, ("Upload-Length", whole.Length.ToString(CultureInfo.InvariantCulture)), ("Upload-Metadata", "name eA==,sha256 " + Convert.ToBase64String(Encoding.ASCII.GetBytes(Name(whole)))));
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
        return made.Headers.Location!.ToString();
    }

    private Task<HttpResponseMessage> AppendAsync(string user, string upload, long offset, ReadOnlyMemory<byte> piece, params (string, string)[] more)
    {
        var body = new ReadOnlyMemoryContent(piece) { Headers = { ContentType = new MediaTypeHeaderValue("application/offset+octet-stream") } };
        return SendAsync(user, HttpMethod.Patch, upload, body, [("Upload-Offset", offset.ToString(CultureInfo.InvariantCulture)), .. more]);
    }

    private async Task<HttpResponseMessage> SendAsync(string user, HttpMethod method, string path, HttpContent? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body };
        request.Headers.Add("Tus-Resumable", "1.0.0");
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await Client(user).SendAsync(request, Cancel);
    }

    private HttpClient Client(string user)
    {
        if (_clients.Find(c => c.DefaultRequestHeaders.From == user + "@x") is { } known)
        {
            return known;
        }

        using var tokens = TidemarkTokens.Open(_folder.Path);
        var client = new HttpClient { BaseAddress = new Uri(_app.Urls.First()) };
        client.DefaultRequestHeaders.From = user + "@x";
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", tokens.Create(user, TimeSpan.FromDays(30), administrator: false));
        _clients.Add(client);
        return client;
    }

    private sealed class ManualClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UtcNow;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
