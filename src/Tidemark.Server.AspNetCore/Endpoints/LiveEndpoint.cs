using System.Net.WebSockets;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Bodies;
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

    public static void Map(RouteGroupBuilder group) =>
        group.MapGet("/sync/live", ListenAsync).Describe(WireOperations.LiveHints).Produces<LiveMessage>();

    private static async Task<IResult> ListenAsync(HttpContext http, SyncServer server, ServerEnvironment environment, CancellationToken cancellationToken)
    {
        var caller = Callers.Of(http.User);
        if (!http.WebSockets.IsWebSocketRequest)
        {
            throw new RequestException(ErrorCodes.BadRequest, "This is a WebSocket: ask for an upgrade (and let the host call UseWebSockets).");
        }

        using var listener = await server.ListenAsync(caller, One(http.Request, Space), One(http.Request, DeviceId), cancellationToken).ConfigureAwait(false);
        using var socket = await http.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext
        {
            KeepAliveInterval = server.Options.PingEvery,
            KeepAliveTimeout = server.Options.PongWithin,
        }).ConfigureAwait(false);
        var stopping = http.RequestServices.GetService<IHostApplicationLifetime>()?.ApplicationStopping ?? CancellationToken.None;
        using var expiry = new CancellationTokenSource(Left(http, environment), environment.Time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(expiry.Token, stopping, cancellationToken);
        await TalkAsync(socket, listener, end).ConfigureAwait(false);
        await CloseAsync(socket, expiry.IsCancellationRequested).ConfigureAwait(false);
        return Results.Empty;
    }

    private static async Task TalkAsync(WebSocket socket, HintListener listener, CancellationTokenSource end)
    {
        var hearing = HearAsync(socket, end);
        try
        {
            while (!end.IsCancellationRequested)
            {
                foreach (var message in await listener.NextAsync(end.Token).ConfigureAwait(false))
                {
                    await socket.SendAsync(JsonSerializer.SerializeToUtf8Bytes(message, WireMessages.Json.LiveMessage), WebSocketMessageType.Text, endOfMessage: true, end.Token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException)
        {
            // The token ran out, the host stops, or the other side is gone.
        }
        finally
        {
            await end.CancelAsync().ConfigureAwait(false);
            await hearing.ConfigureAwait(false);
        }
    }

    // Nothing is said from there; reading notices the close and answers pings.
    private static async Task HearAsync(WebSocket socket, CancellationTokenSource end)
    {
        var buffer = new byte[256];
        try
        {
            while ((await socket.ReceiveAsync(buffer.AsMemory(), end.Token).ConfigureAwait(false)).MessageType != WebSocketMessageType.Close)
            {
            }
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException)
        {
            // Its end is the other side's end too.
        }

        await end.CancelAsync().ConfigureAwait(false);
    }

    private static async Task CloseAsync(WebSocket socket, bool isExpired)
    {
        if (socket.State is not (WebSocketState.Open or WebSocketState.CloseReceived))
        {
            return;
        }

        using var within = new CancellationTokenSource(CloseWithin);
        try
        {
            var (status, why) = isExpired ? (WebSocketCloseStatus.PolicyViolation, "The token ran out.") : (WebSocketCloseStatus.EndpointUnavailable, "Closed.");
            await socket.CloseOutputAsync(status, why, within.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or WebSocketException)
        {
            // Gone without a word; so be it.
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
