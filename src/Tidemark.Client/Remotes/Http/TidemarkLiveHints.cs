using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Text.Json;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Remotes.Http;

/// <summary>Hints of a Tidemark server over a WebSocket. Each connection asks for the token anew, so a refreshed one is followed: the server ends a connection whose token ran out.</summary>
public sealed class TidemarkLiveHints : ILiveHints
{
    private const int MessageBytesMax = 16 * 1024;
    private readonly Uri _address;
    private readonly Func<CancellationToken, Task<string>> _token;
    private readonly LiveHintOptions _options;
    private readonly SyncEnvironment _environment;
    private int _state;

    /// <param name="server">Where the server is, such as https://sync.example.com/.</param>
    /// <param name="token">Gives the bearer token for each connection.</param>
    /// <param name="options">How the connection is kept.</param>
    /// <param name="environment">Gives transport, clock and randomness.</param>
    public TidemarkLiveHints(Uri server, Func<CancellationToken, Task<string>> token, LiveHintOptions options, SyncEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(server);
        ArgumentNullException.ThrowIfNull(token);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(environment);
        _token = token;
        _options = options;
        _environment = environment;
        var address = new UriBuilder(new Uri(new Uri(server.AbsoluteUri.TrimEnd('/') + "/"), "sync/live"))
        {
            Scheme = server.Scheme == Uri.UriSchemeHttps ? Uri.UriSchemeWss : Uri.UriSchemeWs,
            Query = string.Join('&', new[] { Parameter("space", options.Space), Parameter("deviceId", options.DeviceId) }.Where(p => p.Length > 0)),
        };
        _address = address.Uri;
    }

    public event EventHandler? StateChanged;

    public LiveHintState State => (LiveHintState)Volatile.Read(ref _state);

    public async Task RunAsync(Action<LiveHint> hinted, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(hinted);
        using var transport = new HttpMessageInvoker(_environment.Transport());
        var attempts = 0;
        try
        {
            while (true)
            {
                Set(LiveHintState.Connecting);
                attempts = await TryListenAsync(transport, hinted, cancellationToken).ConfigureAwait(false) ? 1 : attempts + 1;
                Set(LiveHintState.Waiting);
                await _environment.DelayAsync(TimeSpan.FromMilliseconds(_options.Backoff.DelayMs(attempts, _environment)), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Stopped as asked.
        }
        finally
        {
            Set(LiveHintState.Stopped);
        }
    }

    private static string Parameter(string name, string? value) => value is null ? "" : $"{name}={Uri.EscapeDataString(value)}";

    // True when the server said something: then it is there, and the next attempt comes soon.
    private async Task<bool> TryListenAsync(HttpMessageInvoker transport, Action<LiveHint> hinted, CancellationToken cancellationToken)
    {
        var hasSpoken = false;
        try
        {
            using var socket = new ClientWebSocket();
            await ConnectAsync(socket, transport, cancellationToken).ConfigureAwait(false);
            Set(LiveHintState.Live);
            await ListenAsync(
                socket,
                hint =>
                {
                    hasSpoken = true;
                    hinted(hint);
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e) when (e is WebSocketException or HttpRequestException or IOException or OperationCanceledException or SyncException)
        {
            // No network, no server, no token, a proxy that knows no WebSockets, a silent socket: all of them are waited out. A run of the sync says what it is.
        }

        return hasSpoken;
    }

    private async Task ConnectAsync(ClientWebSocket socket, HttpMessageInvoker transport, CancellationToken cancellationToken)
    {
        using var within = new CancellationTokenSource(_options.ConnectWithin, _environment.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(within.Token, cancellationToken);
        var token = await TokenAsync(either.Token).ConfigureAwait(false);
        socket.Options.SetRequestHeader("Authorization", new AuthenticationHeaderValue("Bearer", token).ToString());
        socket.Options.KeepAliveInterval = _options.PingEvery;
        socket.Options.KeepAliveTimeout = _options.PongWithin;
        await socket.ConnectAsync(_address, transport, either.Token).ConfigureAwait(false);
    }

    private async Task<string> TokenAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _token(cancellationToken).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // the app's source of tokens may be in trouble of any kind, which is waited out
        catch (Exception e) when (e is not OperationCanceledException)
#pragma warning restore CA1031
        {
            throw new SyncException(SyncErrorCode.AuthFailed, "No token could be had: " + e.Message, retryable: true, e);
        }
    }

    private static async Task ListenAsync(ClientWebSocket socket, Action<LiveHint> hinted, CancellationToken cancellationToken)
    {
        var buffer = new byte[MessageBytesMax];
        var length = 0;
        while (true)
        {
            // A cancelled read aborts the socket; the server notices by itself.
            var part = await socket.ReceiveAsync(buffer.AsMemory(length), cancellationToken).ConfigureAwait(false);
            if (part.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, cancellationToken).ConfigureAwait(false);
                return;
            }

            length += part.Count;
            if (part.EndOfMessage)
            {
                if (part.MessageType == WebSocketMessageType.Text && Read(buffer.AsSpan(0, length)) is { } hint)
                {
                    hinted(hint);
                }

                length = 0;
            }
            else if (length == buffer.Length)
            {
                return; // No message of the protocol is that long.
            }
        }
    }

    private static LiveHint? Read(ReadOnlySpan<byte> message)
    {
        try
        {
            return JsonSerializer.Deserialize(message, WireJson.Default.LiveMessage) is { } live ? new LiveHint(live.Space, live.Position) { IsMembership = live.Type == LiveMessage.Members } : null;
        }
        catch (JsonException)
        {
            return null; // A message of a later version.
        }
    }

    private void Set(LiveHintState state)
    {
        if (Interlocked.Exchange(ref _state, (int)state) != (int)state)
        {
            StateChanged?.Invoke(this, EventArgs.Empty);
        }
    }
}
