using Tidemark.EndToEnd.Tests.Chinook;
using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.Testing.Postgres;

namespace Tidemark.EndToEnd.Tests.Worlds;

/// <summary>A server, a user, and devices that share the user's space.</summary>
internal sealed class World : IAsyncDisposable
{
    private World(Workspace workspace, TestServer server, string token)
    {
        Workspace = workspace;
        Server = server;
        Token = token;
    }

    public Workspace Workspace { get; }

    public TestServer Server { get; private set; }

    public string Token { get; }

    public static async Task<World> StartAsync()
    {
        var workspace = new Workspace();
        var server = await TestServer.StartAsync(workspace.PathOf("server"));
        return new World(workspace, server, await server.TokenAsync());
    }

    /// <summary>Chinook adopted and synced on the first device, cloned to the second.</summary>
    public static async Task<(World World, Device First, Device Second)> ChinookAsync()
    {
        var workspace = new Workspace();
        ChinookFile.CopyTo(workspace.PathOf("a.db"));
        var server = await TestServer.StartAsync(workspace.PathOf("server"));
        var world = new World(workspace, server, await server.TokenAsync());
        var first = world.DeviceOf("a.db");
        (await first.RunLocalAsync("adopt")).Expect(0);
        await first.SyncAsync();
        var second = world.DeviceOf("b.db");
        (await second.RunAsync("clone")).Expect(0);
        return (world, first, second);
    }

    /// <summary>A small app of its own, adopted and synced on the first device, cloned to the second.</summary>
    public static Task<(World World, Device First, Device Second)> NotesAsync() => OfAsync(Notes.Schema);

    /// <summary>The same with a schema of the test's own.</summary>
    public static async Task<(World World, Device First, Device Second)> OfAsync(string schema)
    {
        var world = await StartAsync();
        var first = world.DeviceOf("a.db");
        await SqliteShell.RunAsync(first.Database, schema);
        (await first.RunLocalAsync("adopt")).Expect(0);
        await first.SyncAsync();
        var second = world.DeviceOf("b.db");
        (await second.RunAsync("clone")).Expect(0);
        return (world, first, second);
    }

    public Device DeviceOf(string name) => new(Workspace.PathOf(name), Server.Url, Token);

    /// <summary>Stops the server, lets the test work on its files, and starts it again where it was.</summary>
    public async Task RestartServerAsync(Action<string> meanwhile)
    {
        Assert.SkipWhen(TestStore.IsPostgres, "The server has no files of its own.");
        await Server.StopAsync();
        await Server.DisposeAsync();
        meanwhile(Server.Data);
        Server = await TestServer.StartAsync(Server.Data, Server.Url);
    }

    /// <summary>kill -9, and a new one on the same data at the same address.</summary>
    public async Task KillServerAsync()
    {
        await Server.DisposeAsync();
        Server = await TestServer.StartAsync(Server.Data, Server.Url);
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Workspace.Dispose();
    }
}
