using System.Net;
using System.Net.Sockets;

namespace Tidemark.Torture.Nodes;

/// <summary>Gives each new connection to the next node that says it is ready, and asks all of them several times a second.</summary>
internal sealed class Balancer : IDisposable
{
    private static readonly TimeSpan AskEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly IReadOnlyList<int> _ports;
    private readonly bool[] _isReady;
    private readonly CancellationTokenSource _end = new();
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(2) };
    private int _next;

    public Balancer(IReadOnlyList<int> ports)
    {
        (_ports, _isReady) = (ports, new bool[ports.Count]);
        _listener.Start();
        _ = AcceptAsync();
        for (var i = 0; i < ports.Count; i++)
        {
            _ = AskAsync(i);
        }
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    public int Ready => _isReady.Count(r => r);

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        _http.Dispose();
    }

    private async Task AskAsync(int node)
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                using var answer = await _http.GetAsync(new Uri($"http://127.0.0.1:{_ports[node]}/health/ready"), _end.Token);
                _isReady[node] = answer.IsSuccessStatusCode;
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException or ObjectDisposedException)
            {
                _isReady[node] = false;
            }

            await Task.Delay(AskEvery);
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
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
        using (device)
        {
            try
            {
                using var node = await ConnectAsync();
                if (node is not null)
                {
                    using var end = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
                    var (there, back) = (device.GetStream().CopyToAsync(node.GetStream(), end.Token), node.GetStream().CopyToAsync(device.GetStream(), end.Token));
                    await Task.WhenAny(there, back);
                    await end.CancelAsync();
                    await Task.WhenAll(there, back);
                }
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException or InvalidOperationException)
            {
                // Either side has gone.
            }
        }
    }

    private async Task<TcpClient?> ConnectAsync()
    {
        for (var until = Environment.TickCount64 + Patience.TotalMilliseconds; Environment.TickCount64 < until && !_end.IsCancellationRequested; await Task.Delay(20, _end.Token))
        {
            for (var i = 0; i < _ports.Count; i++)
            {
                var node = (int)((uint)Interlocked.Increment(ref _next) % _ports.Count);
                if (!_isReady[node])
                {
                    continue;
                }

                var client = new TcpClient { NoDelay = true };
                try
                {
                    await client.ConnectAsync(IPAddress.Loopback, _ports[node], _end.Token);
                    return client;
                }
                catch (SocketException)
                {
                    client.Dispose();
                    _isReady[node] = false;
                }
            }
        }

        return null;
    }
}
