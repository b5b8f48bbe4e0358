namespace Tidemark.Server.Tests.Http;

/// <summary>One server for the tests of a class: each of them is a user of its own, and users never see each other.</summary>
public sealed class SharedServer : IAsyncLifetime
{
    private HttpServer? _server;
    private int _users;

    public async ValueTask InitializeAsync() => _server = await HttpServer.StartAsync();

    public async ValueTask DisposeAsync() => await _server!.DisposeAsync();

    internal Task<Walk> BeginAsync() => Walk.BeginAsync(_server!, $"user-{Interlocked.Increment(ref _users)}");
}
