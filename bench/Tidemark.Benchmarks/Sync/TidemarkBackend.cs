using Microsoft.AspNetCore.Builder;
using Tidemark.Server;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.Sqlite;

namespace Tidemark.Benchmarks.Sync;

/// <summary>The real server over loopback, as `tidemark serve --dev` hosts it.</summary>
internal sealed class TidemarkBackend : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TidemarkBackend(WebApplication app, string token)
    {
        _app = app;
        Token = token;
    }

    public Uri Address => new(_app.Urls.Single());

    public string Token { get; }

    public static async Task<TidemarkBackend> StartAsync(string folder)
    {
        var app = TidemarkHost.Create(new TidemarkHostOptions
        {
            Urls = ["http://127.0.0.1:0"],
            DataDirectory = folder,
            Store = SqliteServerStore.Open(Path.Combine(folder, "server.db"), ServerEnvironment.System),
            Environment = ServerEnvironment.System,
            Server = new ServerOptions { Dev = true },
        });
        await app.StartAsync();
        using var tokens = TidemarkTokens.Open(folder);
        return new TidemarkBackend(app, tokens.Create("bench", TimeSpan.FromHours(4)));
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
