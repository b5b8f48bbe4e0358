using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Tidemark.Torture;

/// <summary>Listens on loopback, takes every connection to one server, and can reset what hangs.</summary>
internal abstract class LoopbackProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<TcpClient, bool> _open = new();
    private readonly CancellationTokenSource _end = new();
    private readonly int _serverPort;

    /// <param name="serverPort">Where the server listens.</param>
    protected LoopbackProxy(int serverPort) => _serverPort = serverPort;

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");

    /// <summary>The proxy is being disposed of.</summary>
    protected CancellationToken End => _end.Token;

    /// <summary>The network is whole from now on; what hung in it is reset, as it is when a router comes back.</summary>
    public void Heal()
    {
        StopFaults();
        foreach (var client in _open.Keys)
        {
            Reset(client);
        }
    }

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        Heal();
        _end.Dispose();
    }

    protected void Start()
    {
        _listener.Start();
        _ = AcceptAsync();
    }

    protected abstract void StopFaults();

    /// <summary>Carries what one connection says; the connection is closed after it.</summary>
    protected abstract Task CarryAsync(TcpClient device, TcpClient server);

    private static void Reset(TcpClient client)
    {
        try
        {
            client.Client?.LingerState = new LingerOption(enable: true, 0);
            client.Dispose();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Gone already.
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (!_end.IsCancellationRequested)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_end.Token));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(TcpClient device)
    {
        _open[device] = true;
        using var server = new TcpClient { NoDelay = true };
        device.NoDelay = true;
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _serverPort, _end.Token);
            await CarryAsync(device, server);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException or InvalidOperationException)
        {
            // Either side has gone.
        }
        finally
        {
            _open.TryRemove(device, out _);
            device.Dispose();
        }
    }
}
