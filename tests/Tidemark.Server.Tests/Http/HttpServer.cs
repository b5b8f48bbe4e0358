using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.Storage;
using Tidemark.Testing;

namespace Tidemark.Server.Tests.Http;

/// <summary>A real Kestrel on a free port of loopback, with its own folder.</summary>
internal sealed class HttpServer : IAsyncDisposable
{
    private readonly TempFolder _folder;
    private readonly bool _ownsFolder;
    private readonly WebApplication _app;
    private readonly Lazy<TidemarkTokens> _tokens;
    private readonly List<HttpClient> _clients = [];

    private HttpServer(TempFolder folder, bool ownsFolder, WebApplication app, LogLines log)
    {
        _folder = folder;
        _ownsFolder = ownsFolder;
        _app = app;
        Log = log;
        _tokens = new Lazy<TidemarkTokens>(() => TidemarkTokens.Open(folder.Path));
    }

    public LogLines Log { get; }

    public Uri Address => new(_app.Urls.First());

    public string DataDirectory => _folder.Path;

    public TidemarkTokens Tokens => _tokens.Value;

    public WebApplication App => _app;

    /// <summary>In development mode, with the store of the folder, unless told otherwise.</summary>
    public static async Task<HttpServer> StartAsync(
        ServerOptions? options = null,
        Func<string, IServerStore>? store = null,
        string? modelFile = null,
        Action<WebApplicationBuilder>? configure = null,
        TempFolder? shared = null,
        ServerEnvironment? environment = null,
        int userRate = 0,
        int addressRate = 0,
        TimeSpan? requestTime = null)
    {
        var folder = shared ?? new TempFolder();
        var log = new LogLines();
        var app = TidemarkHost.Create(new TidemarkHostOptions
        {
            Urls = ["http://127.0.0.1:0"],
            DataDirectory = folder.Path,
            Store = (store ?? Stores.Open)(folder.Path),
            Environment = environment ?? ServerEnvironment.System,
            Server = options ?? new ServerOptions { Dev = true },
            ModelFile = modelFile,
            UserRequestsPerMinuteMax = userRate,
            AddressRequestsPerMinuteMax = addressRate,
            RequestTimeMax = requestTime ?? TimeSpan.FromMinutes(5),
            Configure = builder =>
            {
                builder.Logging.ClearProviders();
                builder.Logging.Services.AddSingleton<ILoggerProvider>(log);
                configure?.Invoke(builder);
            },
        });
        await app.StartAsync();
        return new HttpServer(folder, shared is null, app, log);
    }

    /// <summary>A client that is nobody when the user is null.</summary>
    public HttpClient Client(string? user = "ann", bool administrator = false) =>
        ClientWith(user is null ? null : Tokens.Create(user, TimeSpan.FromHours(1), administrator));

    public HttpClient ClientWith(string? token)
    {
        var client = new HttpClient { BaseAddress = Address };
        if (token is not null)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        _clients.Add(client);
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(c => c.Dispose());
        if (_tokens.IsValueCreated)
        {
            _tokens.Value.Dispose();
        }

        await _app.StopAsync();
        await _app.DisposeAsync();
        if (_ownsFolder)
        {
            _folder.Dispose();
        }
    }
}

internal static class HttpMessages
{
    public static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    public static ByteArrayContent Json(byte[] utf8, string? coding = null)
    {
        var content = new ByteArrayContent(utf8);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (coding is not null)
        {
            content.Headers.ContentEncoding.Add(coding);
        }

        return content;
    }

    public static Task<HttpResponseMessage> PostAsync(this HttpClient client, string path, string json) =>
        client.PostAsync(new Uri(path, UriKind.Relative), Json(json));

    public static async Task<JsonElement> JsonAsync(this HttpResponseMessage answer)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"{(int)answer.StatusCode}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    /// <summary>Checks the form that every refusal has, and gives the problem.</summary>
    public static async Task<Problem> ProblemAsync(this HttpResponseMessage answer, int status, string code)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode == status, $"{status} wanted, {(int)answer.StatusCode} came: {text}");
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.True(answer.Headers.CacheControl?.NoStore);
        var problem = JsonSerializer.Deserialize(text, WireJson.Default.Problem)!;
        Assert.Equal(code, problem.Code);
        Assert.Equal(status, problem.Status);
        Assert.False(string.IsNullOrEmpty(problem.Title));
        Assert.False(string.IsNullOrEmpty(problem.Detail));
        Assert.Equal(problem.RetryAfterMs is not null, answer.Headers.RetryAfter is not null);
        return problem;
    }
}
