using System.Net.WebSockets;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Bodies;
using Tidemark.Server.AspNetCore.Hosting;
using Tidemark.Server.AspNetCore.OpenApi;
using Tidemark.Server.AspNetCore.Problems;
using Tidemark.Server.Live;

namespace Tidemark.Server.AspNetCore.Endpoints;

/// <summary>GET /sync/live: a WebSocket that carries hints. It ends with the token, with the host, or when the other side is silent to pings.</summary>
internal static class LiveEndpoint
{
    public const string Space = "space";
    public const string DeviceId = "deviceId";
    private static readonly TimeSpan CloseWithin = TimeSpan.FromSeconds(5);
    private static readonly (WebSocketCloseStatus Status, string Why) Expired = (WebSocketCloseStatus.PolicyViolation, "The token ran out.");
    private static readonly (WebSocketCloseStatus Status, string Why) Removed = (WebSocketCloseStatus.PolicyViolation, "Not a member of the space any more.");
    private static readonly (WebSocketCloseStatus Status, string Why) Revoked = (WebSocketCloseStatus.PolicyViolation, "The token or the device was revoked.");
    private static readonly (WebSocketCloseStatus Status, string Why) Closed = (WebSocketCloseStatus.EndpointUnavailable, "Closed.");

    // 1012, "service restart" of IANA's registry: connect again, another node answers.
    private static readonly (WebSocketCloseStatus Status, string Why) Restarting = ((WebSocketCloseStatus)1012, "This node stops: connect again.");

    public static void Map(RouteGroupBuilder group) =>
        group.MapGet("/sync/live", ListenAsync).Describe(WireOperations.LiveHints).Produces<LiveMessage>().DisableRequestTimeout();

    private static async Task<IResult> ListenAsync(HttpContext http, SyncServer server, ServerEnvironment environment, Drain drain, LiveConnections connections, CancellationToken cancellationToken)
    {
        var caller = Callers.Of(http.User);
        if (!http.WebSockets.IsWebSocketRequest)
        {
            throw new RequestException(ErrorCodes.BadRequest, "This is a WebSocket: ask for an upgrade (and let the host call UseWebSockets).");
        }

        var deviceId = One(http.Request, DeviceId);
        using var connection = connections.Add(caller, deviceId); // Before it is asked whether it may: a revocation in between is seen by one or the other.
        using var listener = await server.ListenAsync(caller, One(http.Request, Space), deviceId, cancellationToken).ConfigureAwait(false);
        using var socket = await http.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            KeepAliveInterval = server.Options.PingEvery,
            KeepAliveTimeout = server.Options.PongWithin,
        }).ConfigureAwait(false);
        using var expiry = new CancellationTokenSource(Left(http, environment), environment.Time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(expiry.Token, drain.Begun, connection.IsCut, cancellationToken);
        var hearing = HearAsync(socket, end, cancellationToken);
        var isRemoved = await TalkAsync(socket, listener, end.Token, cancellationToken).ConfigureAwait(false);
        var why = isRemoved ? Removed : expiry.IsCancellationRequested ? Expired : connection.IsCut.IsCancellationRequested ? Revoked : drain.HasBegun ? Restarting : Closed;
        await CloseAsync(socket, hearing, why, environment).ConfigureAwait(false);
        return Results.Empty;
    }

    // True: the user may not listen any more. A send or a read that is cancelled aborts the socket without a word, so only the end of the whole request does that.
    private static async Task<bool> TalkAsync(WebSocket socket, HintListener listener, CancellationToken end, CancellationToken aborted)
    {
        try
        {
            while (!end.IsCancellationRequested)
            {
                var messages = await listener.NextAsync(end).ConfigureAwait(false);
                if (messages.Count == 0)
                {
                    return true;
                }

                foreach (var message in messages)
                {
                    await socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(message, WireMessages.Json.LiveMessage), WebSocketMessageType.Text, endOfMessage: true, aborted).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException)
        {
            // The token ran out, the host stops, or the other side is gone.
        }

        return false;
    }

    // Nothing is said from there; reading notices the close and answers pings.
    private static async Task HearAsync(WebSocket socket, CancellationTokenSource end, CancellationToken aborted)
    {
        var buffer = new byte[256];
        try
        {
            while ((await socket.ReceiveAsync(buffer.AsMemory(), aborted).ConfigureAwait(false)).MessageType != WebSocketMessageType.Close)
            {
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException)
        {
            // Its end is the other side's end too.
        }

        await end.CancelAsync().ConfigureAwait(false);
    }

    private static async Task CloseAsync(WebSocket socket, Task hearing, (WebSocketCloseStatus Status, string Why) end, ServerEnvironment environment)
    {
        try
        {
            if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
            {
                await socket.CloseOutputAsync(end.Status, end.Why, CancellationToken.None).WaitAsync(CloseWithin, environment.Time).ConfigureAwait(false);
            }

            await hearing.WaitAsync(CloseWithin, environment.Time).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException or WebSocketException)
        {
            socket.Abort(); // No answer to the close; so be it.
            await hearing.ConfigureAwait(false);
        }
    }

    // A connection lives no longer than the token it was asked for with.
    private static TimeSpan Left(HttpContext http, ServerEnvironment environment)
    {
        var expires = http.Features.Get<IAuthenticateResultFeature>()?.AuthenticateResult?.Properties?.ExpiresUtc;
        var left = expires is { } at ? at - environment.Time.GetUtcNow() : TimeSpan.MaxValue;
        return left > LeftMax ? LeftMax : left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    private static readonly TimeSpan LeftMax = TimeSpan.FromDays(1);

    private static string? One(HttpRequest request, string name)
    {
        var values = request.Query[name];
        return values.Count switch
        {
            0 => null,
            1 => values[0],
            _ => throw new RequestException(ErrorCodes.BadRequest, $"{name} stands more than once."),
        };
    }
}
