using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Tidemark.Torture.Faults;

/// <summary>What is done to one request.</summary>
internal enum ProxyFault
{
    None,
    DropRequest,
    CutRequest,
    DropAnswer,
    CutAnswer,
    DelayRequest,
    DelayAnswer,
    Duplicate,
    DuplicateLate,
    TooManySeconds,
    TooManyDate,
    TooManyMalformed,
    ServerError,
    PortalPage,
    LengthTooLong,
    LengthTooShort,
    Silence,
    SilenceInAnswer,
}

/// <summary>Stands on loopback between one device and the server, understands as much of HTTP as it needs, and mistreats requests as the dice say.</summary>
internal sealed class FaultProxy : IDisposable
{
    private const double DelaySecondsMax = 150; // The device's patience is 100.
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<TcpClient, bool> _open = new();
    private readonly CancellationTokenSource _end = new();
    private readonly int _serverPort;
    private readonly Random _dice;
    private readonly TimeProvider _time;

    /// <param name="serverPort">Where the server listens.</param>
    /// <param name="seed">Of the dice.</param>
    /// <param name="time">The device's clock.</param>
    public FaultProxy(int serverPort, int seed, TimeProvider time)
    {
        (_serverPort, _dice, _time) = (serverPort, new Random(seed), time);
        _listener.Start();
        _ = AcceptAsync();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");

    /// <summary>How many of a hundred requests are mistreated.</summary>
    public int Percent { get; set; }

    public ConcurrentDictionary<ProxyFault, int> Done { get; } = new();

    /// <summary>The network is whole from now on; what hangs in it is reset.</summary>
    public void Heal()
    {
        Percent = 0;
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
            while (await HttpText.ReadAsync(device.GetStream(), _end.Token) is { } request)
            {
                if (request.IsUpgrade)
                {
                    await TunnelAsync(request, device, server);
                    return;
                }

                var fault = Next();
                if (!await CarryAsync(request, fault, device, server))
                {
                    return;
                }
            }
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

    // False: the connection is over.
    private async Task<bool> CarryAsync(HttpText request, ProxyFault fault, TcpClient device, TcpClient server)
    {
        var (down, up) = (device.GetStream(), server.GetStream());
        switch (fault)
        {
            case ProxyFault.DropRequest:
                return Closed(device);
            case ProxyFault.CutRequest:
                await up.WriteAsync(request.Bytes.AsMemory(0, Part(request.Bytes.Length)), _end.Token);
                return Closed(device);
            case ProxyFault.Silence:
                await Task.Delay(Timeout.Infinite, _end.Token);
                return false;
            case ProxyFault.DelayRequest:
                await PauseAsync();
                break;
            case ProxyFault.Duplicate:
                await ExchangeAsync(request);
                break;
            case ProxyFault.DuplicateLate:
                _ = LateAsync(request);
                break;
        }

        if (InPlace(fault) is { } answer)
        {
            await down.WriteAsync(answer.Bytes, _end.Token);
            return true;
        }

        await up.WriteAsync(request.Bytes, _end.Token);
        return await HttpText.ReadAsync(up, _end.Token) is { } answered && await AnswerAsync(answered, fault, device, down);
    }

    private async Task<bool> AnswerAsync(HttpText answer, ProxyFault fault, TcpClient device, NetworkStream down)
    {
        switch (fault)
        {
            case ProxyFault.DropAnswer:
                return Closed(device);
            case ProxyFault.CutAnswer:
                await down.WriteAsync(answer.Bytes.AsMemory(0, Part(answer.Bytes.Length)), _end.Token);
                return Closed(device);
            case ProxyFault.SilenceInAnswer:
                await down.WriteAsync(answer.Bytes.AsMemory(0, Part(answer.Bytes.Length)), _end.Token);
                await Task.Delay(Timeout.Infinite, _end.Token);
                return false;
            case ProxyFault.DelayAnswer:
                await PauseAsync();
                break;
            case ProxyFault.LengthTooLong or ProxyFault.LengthTooShort when !answer.IsChunked:
                var length = fault == ProxyFault.LengthTooLong ? answer.Body.Length + 1 + Part(1000) : Part(answer.Body.Length);
                await down.WriteAsync(answer.With("Content-Length", length.ToString(CultureInfo.InvariantCulture)).Bytes, _end.Token);
                return Closed(device);
        }

        await down.WriteAsync(answer.Bytes, _end.Token);
        return true;
    }

    private HttpText? InPlace(ProxyFault fault)
    {
        const string text = "text/plain";
        var seconds = 1 + Part(40);
        var now = _time.GetUtcNow();
        return fault switch
        {
            ProxyFault.TooManySeconds => HttpText.Answer("429 Too Many Requests", "", text, ("Retry-After", seconds.ToString(CultureInfo.InvariantCulture))),
            ProxyFault.TooManyDate => HttpText.Answer("429 Too Many Requests", "", text, ("Date", now.ToString("r")), ("Retry-After", now.AddSeconds(seconds).ToString("r"))),
            ProxyFault.TooManyMalformed => HttpText.Answer("429 Too Many Requests", "slow down", text, ("Retry-After", Part(4) switch { 0 => "soon", 1 => "-5", 2 => "1.5e1", _ => "Thu, 99 Foo 2026" })),
            ProxyFault.ServerError => HttpText.Answer(Part(3) switch { 0 => "500 Internal Server Error", 1 => "502 Bad Gateway", _ => "503 Service Unavailable" }, "{\"oops\":", "application/json"),
            ProxyFault.PortalPage => HttpText.Answer("200 OK", "<!doctype html><html><body>Please sign in to use this network.</body></html>", "text/html; charset=utf-8"),
            _ => null,
        };
    }

    // Hints: carried as they are, and cut or silenced now and then.
    private async Task TunnelAsync(HttpText request, TcpClient device, TcpClient server)
    {
        await server.GetStream().WriteAsync(request.Bytes, _end.Token);
        var ends = new List<Task> { server.GetStream().CopyToAsync(device.GetStream(), _end.Token), device.GetStream().CopyToAsync(server.GetStream(), _end.Token) };
        if (Next() != ProxyFault.None)
        {
            ends.Add(PauseAsync());
        }

        await Task.WhenAny(ends);
    }

    private async Task LateAsync(HttpText request)
    {
        try
        {
            await PauseAsync();
            await ExchangeAsync(request);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // It was a copy.
        }
    }

    private async Task ExchangeAsync(HttpText request)
    {
        using var other = new TcpClient();
        await other.ConnectAsync(IPAddress.Loopback, _serverPort, _end.Token);
        await other.GetStream().WriteAsync(request.Bytes, _end.Token);
        await HttpText.ReadAsync(other.GetStream(), _end.Token);
    }

    private Task PauseAsync() => Task.Delay(TimeSpan.FromSeconds(Part(1000) / 1000.0 * DelaySecondsMax), _time, _end.Token);

    private ProxyFault Next()
    {
        lock (_dice)
        {
            var fault = _dice.Next(100) < Percent ? (ProxyFault)_dice.Next(1, Enum.GetValues<ProxyFault>().Length) : ProxyFault.None;
            Done.AddOrUpdate(fault, 1, (_, n) => n + 1);
            return fault;
        }
    }

    private int Part(int below)
    {
        lock (_dice)
        {
            return _dice.Next(Math.Max(below, 1));
        }
    }

    private static bool Closed(TcpClient device)
    {
        device.Dispose();
        return false;
    }

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
}
