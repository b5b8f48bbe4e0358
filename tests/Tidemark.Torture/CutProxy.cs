using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Tidemark.Torture;

/// <summary>Stands between one device and the server; swallows what goes one way or the other for as long as it is told to.</summary>
internal sealed class CutProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly int _serverPort;
    private readonly ConcurrentDictionary<TcpClient, bool> _open = new();
    private readonly CancellationTokenSource _end = new();

    public CutProxy(int serverPort)
    {
        _serverPort = serverPort;
        _listener.Start();
        _ = AcceptAsync();
    }

    public string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public volatile bool CutRequests;
    public volatile bool CutResponses;

    /// <summary>The network is whole again; what hung in it is reset, as it is when a router comes back.</summary>
    public void Heal()
    {
        CutRequests = CutResponses = false;
        foreach (var client in _open.Keys)
        {
            client.Client.LingerState = new LingerOption(enable: true, 0);
            client.Dispose();
        }
    }

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        Heal();
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (!_end.IsCancellationRequested)
            {
                var device = await _listener.AcceptTcpClientAsync(_end.Token);
                _ = ServeAsync(device);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(TcpClient device)
    {
        using var server = new TcpClient();
        _open[device] = true;
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, _serverPort, _end.Token);
            await Task.WhenAny(PumpAsync(device, server, () => CutRequests), PumpAsync(server, device, () => CutResponses));
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

    private async Task PumpAsync(TcpClient from, TcpClient to, Func<bool> isCut)
    {
        var buffer = new byte[16 * 1024];
        var (source, target) = (from.GetStream(), to.GetStream());
        while (await source.ReadAsync(buffer, _end.Token) is var read and > 0)
        {
            if (!isCut())
            {
                await target.WriteAsync(buffer.AsMemory(0, read), _end.Token);
            }
        }
    }
}
