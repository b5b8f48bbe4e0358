using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Tidemark.Client.Tests.Support;

/// <summary>Stands between a device and the server; its connections can be cut, or go silent without a word to either side.</summary>
internal sealed class SilentProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<Link> _links = [];
    private readonly CancellationTokenSource _end = new();
    private int _connections;

    public SilentProxy(int serverPort)
    {
        _listener.Start();
        _ = AcceptAsync(serverPort);
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public int Connections => Volatile.Read(ref _connections);

    /// <summary>The connections of now carry nothing any more, and nobody is told.</summary>
    public void Silence()
    {
        foreach (var link in _links)
        {
            link.IsSilent = true;
        }
    }

    public void Cut()
    {
        foreach (var link in _links)
        {
            link.Device.Dispose();
        }
    }

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        Cut();
        _end.Dispose();
    }

    private async Task AcceptAsync(int serverPort)
    {
        try
        {
            while (true)
            {
                var link = new Link(await _listener.AcceptTcpClientAsync(_end.Token));
                Interlocked.Increment(ref _connections);
                _links.Add(link);
                _ = ServeAsync(link, serverPort);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(Link link, int serverPort)
    {
        using var server = new TcpClient();
        try
        {
            await server.ConnectAsync(IPAddress.Loopback, serverPort, _end.Token);
            await Task.WhenAny(PumpAsync(link, link.Device, server), PumpAsync(link, server, link.Device));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException or InvalidOperationException)
        {
            // Either side has gone.
        }
        finally
        {
            link.Device.Dispose();
        }
    }

    private async Task PumpAsync(Link link, TcpClient from, TcpClient to)
    {
        var buffer = new byte[16 * 1024];
        var (source, target) = (from.GetStream(), to.GetStream());
        while (await source.ReadAsync(buffer, _end.Token) is var read and > 0)
        {
            if (!link.IsSilent)
            {
                await target.WriteAsync(buffer.AsMemory(0, read), _end.Token);
            }
        }
    }

    private sealed class Link(TcpClient device)
    {
        public TcpClient Device => device;

        public volatile bool IsSilent;
    }
}
