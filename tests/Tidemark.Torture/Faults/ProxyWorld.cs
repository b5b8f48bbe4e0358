using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Tidemark.Server;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.Sqlite;

namespace Tidemark.Torture.Faults;

/// <summary>The real server on loopback, for many schedules; each of them is a user of its own.</summary>
internal sealed class ProxyWorld : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly SqliteServerStore _store;

    private ProxyWorld(string folder, WebApplication app, SqliteServerStore store) => (Folder, _app, _store) = (folder, app, store);

    public string Folder { get; }

    public Uri Address => new(_app.Urls.Single());

    public static async Task<ProxyWorld> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("tidemark-proxy-").FullName;
        var data = Path.Combine(folder, "server");
        Directory.CreateDirectory(data);
        var store = SqliteServerStore.Open(Path.Combine(data, "tidemark.db"), ServerEnvironment.System);
        var app = TidemarkHost.Create(new TidemarkHostOptions
        {
            Urls = ["http://127.0.0.1:0"],
            DataDirectory = data,
            Store = store,
            Environment = ServerEnvironment.System,
            Server = new ServerOptions { Dev = true },
            Configure = b => b.Logging.SetMinimumLevel(LogLevel.None),
        });
        await app.StartAsync();
        return new ProxyWorld(folder, app, store);
    }

    public string Token(string user)
    {
        using var tokens = TidemarkTokens.Open(Path.Combine(Folder, "server"));
        return tokens.Create(user, TimeSpan.FromDays(1000));
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        await _store.DisposeAsync();
        if (Environment.GetEnvironmentVariable("TIDEMARK_KEEP") is null)
        {
            Directory.Delete(Folder, recursive: true);
        }
    }
}
