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
internal sealed class FaultProxy : LoopbackProxy
{
    private const double DelaySecondsMax = 150; // The device's patience is 100.
    private readonly int _serverPort;
    private readonly Random _dice;
    private readonly TimeProvider _time;

    /// <param name="serverPort">Where the server listens.</param>
    /// <param name="seed">Of the dice.</param>
    /// <param name="time">The device's clock.</param>
    public FaultProxy(int serverPort, int seed, TimeProvider time)
        : base(serverPort)
    {
        (_serverPort, _dice, _time) = (serverPort, new Random(seed), time);
        Start();
    }

    /// <summary>How many of a hundred requests are mistreated.</summary>
    public int Percent { get; set; }

    public ConcurrentDictionary<ProxyFault, int> Done { get; } = new();

    protected override void StopFaults() => Percent = 0;

    protected override async Task CarryAsync(TcpClient device, TcpClient server)
    {
        while (await HttpText.ReadAsync(device.GetStream(), End) is { } request)
        {
            if (request.IsUpgrade)
            {
                await TunnelAsync(request, device, server);
                return;
            }

            if (!await CarryAsync(request, Next(), device, server))
            {
                return;
            }
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
                await up.WriteAsync(request.Bytes.AsMemory(0, Part(request.Bytes.Length)), End);
                return Closed(device);
            case ProxyFault.Silence:
                await Task.Delay(Timeout.Infinite, End);
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
            await down.WriteAsync(answer.Bytes, End);
            return true;
        }

        await up.WriteAsync(request.Bytes, End);
        return await HttpText.ReadAsync(up, End) is { } answered && await AnswerAsync(answered, fault, device, down);
    }

    private async Task<bool> AnswerAsync(HttpText answer, ProxyFault fault, TcpClient device, NetworkStream down)
    {
        switch (fault)
        {
            case ProxyFault.DropAnswer:
                return Closed(device);
            case ProxyFault.CutAnswer:
                await down.WriteAsync(answer.Bytes.AsMemory(0, Part(answer.Bytes.Length)), End);
                return Closed(device);
            case ProxyFault.SilenceInAnswer:
                await down.WriteAsync(answer.Bytes.AsMemory(0, Part(answer.Bytes.Length)), End);
                await Task.Delay(Timeout.Infinite, End);
                return false;
            case ProxyFault.DelayAnswer:
                await PauseAsync();
                break;
            case ProxyFault.LengthTooLong or ProxyFault.LengthTooShort when !answer.IsChunked:
                var length = fault == ProxyFault.LengthTooLong ? answer.Body.Length + 1 + Part(1000) : Part(answer.Body.Length);
                await down.WriteAsync(answer.With("Content-Length", length.ToString(CultureInfo.InvariantCulture)).Bytes, End);
                return Closed(device);
        }

        await down.WriteAsync(answer.Bytes, End);
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
        await server.GetStream().WriteAsync(request.Bytes, End);
        var ends = new List<Task> { server.GetStream().CopyToAsync(device.GetStream(), End), device.GetStream().CopyToAsync(server.GetStream(), End) };
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
        await other.ConnectAsync(IPAddress.Loopback, _serverPort, End);
        await other.GetStream().WriteAsync(request.Bytes, End);
        await HttpText.ReadAsync(other.GetStream(), End);
    }

    private Task PauseAsync() => Task.Delay(TimeSpan.FromSeconds(Part(1000) / 1000.0 * DelaySecondsMax), _time, End);

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
}
