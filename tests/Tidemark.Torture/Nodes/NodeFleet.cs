using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Tidemark.Server;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.PostgreSql;
using Tidemark.Testing.Postgres;

namespace Tidemark.Torture.Nodes;

/// <summary>A PostgreSQL, real `tidemark serve --postgres` processes on it, and the balancer before them.</summary>
internal sealed class NodeFleet : IDisposable
{
    private const string Drain = "2s";
    private readonly string _folder = Directory.CreateTempSubdirectory("tidemark-nodes-").FullName;
    private readonly PostgresCluster _postgres = new();
    private readonly int[] _ports;
    private readonly Running[] _nodes;

    public NodeFleet(int nodes)
    {
        _ports = [.. Enumerable.Range(0, nodes).Select(_ => FreePort())];
        _nodes = [.. Enumerable.Range(0, nodes).Select(Launch)]; // At once: all make the schema and want the first key.
        foreach (var node in _nodes)
        {
            node.Line("http://");
        }

        Balancer = new Balancer(_ports);
    }

    public Balancer Balancer { get; }

    public string Folder => _folder;

    public PostgresCluster Postgres => _postgres;

    public int Count => _nodes.Length;

    public async Task<IReadOnlyList<string>> TokensAsync(IEnumerable<string> users)
    {
        await using var store = await PostgresServerStore.OpenAsync(new PostgresOptions { ConnectionString = _postgres.ConnectionString }, ServerEnvironment.System, CancellationToken.None);
        using var tokens = await TidemarkTokens.OpenAsync(store);
        return [.. users.Select(u => tokens.Create(u, TimeSpan.FromDays(1)))];
    }

    /// <summary>SIGKILL.</summary>
    public void Kill(int node) => _nodes[node].Kill();

    public void Start(int node)
    {
        _nodes[node].Dispose();
        _nodes[node] = Launch(node);
        _nodes[node].Line("http://");
    }

    /// <summary>SIGTERM: the node drains, ends by itself, and is started again.</summary>
    public Ended Restart(int node)
    {
        _nodes[node].Terminate();
        var ended = _nodes[node].Wait();
        Start(node);
        return ended;
    }

    public void Dispose()
    {
        Balancer.Dispose();
        foreach (var node in _nodes)
        {
            node.Dispose();
        }

        _postgres.Dispose();
        if (Environment.GetEnvironmentVariable("TIDEMARK_KEEP") is null)
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    private Running Launch(int node) => Commands.Start(
    [
        "serve", "--dev", "--urls", string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{_ports[node]}"), "--drain", Drain,
        "--data", Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"node{node}")), "--postgres", _postgres.ConnectionString,
    ]);

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
