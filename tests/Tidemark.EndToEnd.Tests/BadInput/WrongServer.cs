using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tidemark.EndToEnd.Tests.BadInput;

/// <summary>Something that listens on a port and answers every request with the same bytes, then closes.</summary>
internal sealed class WrongServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    private WrongServer(string answer)
    {
        _listener.Start();
        Url = $"http://{_listener.LocalEndpoint}";
        _serving = ServeAsync(Encoding.UTF8.GetBytes(answer.ReplaceLineEndings("\r\n")), _stop.Token);
    }

    public string Url { get; }

    /// <summary>A captive portal, a proxy's error page, a plain web server.</summary>
    public static WrongServer Html() => new("""
        HTTP/1.1 200 OK
        Content-Type: text/html
        Content-Length: 45
        Connection: close

        <html><body>Please sign in here</body></html>
        """);

    /// <summary>Promises more than it sends.</summary>
    public static WrongServer Truncated() => new("""
        HTTP/1.1 200 OK
        Content-Type: application/json
        Content-Length: 5000
        Connection: close

        {"hash":null,"version":0,"limits":{"commandsMax":
        """);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _serving;
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync(byte[] answer, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync(cancellationToken);
                await AnswerAsync(client, answer, cancellationToken);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static async Task AnswerAsync(TcpClient client, byte[] answer, CancellationToken cancellationToken)
    {
        try
        {
            var buffer = new byte[16 * 1024];
            _ = await client.GetStream().ReadAtLeastAsync(buffer, 1, throwOnEndOfStream: false, cancellationToken);
            await client.GetStream().WriteAsync(answer, cancellationToken);
        }
        catch (IOException)
        {
            // The caller had enough.
        }
    }
}
