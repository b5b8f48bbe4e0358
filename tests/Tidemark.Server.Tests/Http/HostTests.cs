using System.Net;
using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore;
using Tidemark.Testing;

namespace Tidemark.Server.Tests.Http;

public sealed class HostTests
{
    [Fact]
    [Trait("req", "SRV-02")]
    public async Task The_embedded_server_starts_on_an_empty_folder_and_keeps_its_data()
    {
        using var folder = new TempFolder();
        string? hash = null;
        for (var start = 0; start < 2; start++)
        {
            await using var server = await HttpServer.StartAsync(shared: folder);
            var client = server.Client();
            if (start == 0)
            {
                using var put = await client.PutAsync(new Uri("/sync/model", UriKind.Relative), HttpMessages.Json(Samples.Model));
                hash = (await put.JsonAsync()).GetProperty("hash").GetString();
            }

            using var get = await client.GetAsync(new Uri("/sync/model", UriKind.Relative));
            Assert.Equal(hash, (await get.JsonAsync()).GetProperty("hash").GetString());
            using var ready = await client.GetAsync(new Uri("/health/ready", UriKind.Relative));
            Assert.Equal("ok", (await ready.JsonAsync()).GetProperty("status").GetString());
        }
    }

    [Fact]
    [Trait("req", "SRV-02")]
    public async Task A_model_file_is_registered_at_the_start()
    {
        using var files = new TempFolder();
        await File.WriteAllBytesAsync(files.File("model.json"), Samples.Model);
        await using var server = await HttpServer.StartAsync(new ServerOptions(), modelFile: files.File("model.json"));

        using var answer = await server.Client().GetAsync(new Uri("/sync/model", UriKind.Relative));

        Assert.Equal(SyncModelJson.Parse(Samples.Model).Hash, (await answer.JsonAsync()).GetProperty("hash").GetString());
    }

    [Fact]
    [Trait("req", "SRV-02")]
    public async Task A_start_with_a_model_file_that_is_none_fails_and_says_why()
    {
        using var files = new TempFolder();
        await File.WriteAllTextAsync(files.File("model.json"), """{ "entities": [ { "name": "notes", "fields": [], "key": [ "id" ] } ] }""");

        var trouble = await Assert.ThrowsAnyAsync<Exception>(() => HttpServer.StartAsync(modelFile: files.File("model.json")));

        Assert.Contains("notes", trouble.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:0", false)]
    [InlineData("http://[::1]:0", false)]
    [InlineData("http://localhost:5000", false)]
    [InlineData("https://0.0.0.0:0", false)]
    [InlineData("http://0.0.0.0:0", true)]
    [InlineData("http://*:0", true)]
    [Trait("req", "SRV-07")]
    public async Task Plain_http_on_an_address_that_others_reach_is_warned_of(string url, bool warned)
    {
        using var folder = new TempFolder();
        using var log = new LogLines();
        await using var app = TidemarkHost.Create(new TidemarkHostOptions
        {
            Urls = [url],
            DataDirectory = folder.Path,
            Store = new FaultyStore(() => new InvalidOperationException()),
            Environment = ServerEnvironment.System,
            Server = new ServerOptions(),
            Configure = builder => builder.Logging.ClearProviders().Services.AddSingleton<ILoggerProvider>(log),
        });

        Assert.Equal(warned, log.All.Any(l => l.Level == LogLevel.Warning && l.Text.Contains("https", StringComparison.Ordinal)));
    }

    [Fact]
    [Trait("req", "SRV-07")]
    public async Task In_a_host_of_its_own_scheme_the_user_is_who_that_scheme_says()
    {
        using var folder = new TempFolder();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRouting();
        builder.Services.AddAuthentication("Header").AddScheme<AuthenticationSchemeOptions, HeaderScheme>("Header", null);
        builder.Services.AddTidemarkServer(_ => Stores.Open(folder.Path), new ServerOptions { Dev = true }, ServerEnvironment.System);
        await using var app = builder.Build();
        app.MapTidemark();
        app.MapGet("/own", () => "own").RequireAuthorization();
        await app.StartAsync();
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };

        using (var nobody = await client.GetAsync(new Uri("/spaces", UriKind.Relative)))
        {
            await nobody.ProblemAsync(401, ErrorCodes.AuthFailed);
        }

        // The host's own endpoint is answered by the host's own scheme.
        using (var own = await client.GetAsync(new Uri("/own", UriKind.Relative)))
        {
            Assert.Equal(HttpStatusCode.Unauthorized, own.StatusCode);
            Assert.Empty(await own.Content.ReadAsByteArrayAsync());
        }

        client.DefaultRequestHeaders.Add("X-User", "sub:ann");
        using (var ann = await client.GetAsync(new Uri("/sync/model", UriKind.Relative)))
        {
            Assert.Equal("ann", (await ann.JsonAsync()).GetProperty("user").GetString());
        }

        client.DefaultRequestHeaders.Remove("X-User");
        client.DefaultRequestHeaders.Add("X-User", "email:ann@example.org");
        using (var nameless = await client.GetAsync(new Uri("/sync/model", UriKind.Relative)))
        {
            await nameless.ProblemAsync(401, ErrorCodes.AuthFailed);
        }

        await app.StopAsync();
    }

    [Fact]
    [Trait("req", "SRV-02")]
    public async Task A_server_that_stops_lets_requests_end()
    {
        await using var server = await HttpServer.StartAsync(
            configure: builder => builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting", LogLevel.Information));
        var client = server.Client();
        using var put = await client.PutAsync(new Uri("/sync/model", UriKind.Relative), HttpMessages.Json(Samples.Model));
        await put.JsonAsync();
        using var body = new GatedContent(Samples.Push(1, Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}"}""")));
        var push = client.PostAsync(new Uri("/sync/push", UriKind.Relative), body);
        await server.Log.SeenAsync("Request starting HTTP/1.1 POST " + server.Address + "sync/push");

        var stop = server.App.StopAsync();
        body.Open();
        using var answer = await push.WaitAsync(TimeSpan.FromSeconds(30));
        await stop.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Single((await answer.JsonAsync()).GetProperty("successful").EnumerateArray());
    }

    // Sends its first half at once and the second when it is told to.
    private sealed class GatedContent : HttpContent
    {
        private readonly byte[] _utf8;
        private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public GatedContent(string json)
        {
            _utf8 = System.Text.Encoding.UTF8.GetBytes(json);
            Headers.ContentType = new System.Net.Http.Headers.MediaTypeHeaderValue("application/json");
        }

        public void Open() => _open.TrySetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(_utf8.AsMemory(0, _utf8.Length / 2));
            await stream.FlushAsync();
            await _open.Task;
            await stream.WriteAsync(_utf8.AsMemory(_utf8.Length / 2));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _utf8.Length;
            return true;
        }
    }

    private sealed class HeaderScheme(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync()
        {
            var parts = Request.Headers["X-User"].ToString().Split(':');
            if (parts.Length != 2)
            {
                return Task.FromResult(AuthenticateResult.NoResult());
            }

            var identity = new ClaimsIdentity([new Claim(parts[0], parts[1])], Scheme.Name);
            return Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Scheme.Name)));
        }
    }
}
