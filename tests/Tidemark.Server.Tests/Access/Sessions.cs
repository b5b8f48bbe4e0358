using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Text.Json;
using Tidemark.Server.Tests.Http;

namespace Tidemark.Server.Tests.Access;

/// <summary>Requests about devices and tokens as another language would send them.</summary>
internal static class Sessions
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    public static Task<HttpResponseMessage> GetAsync(this HttpClient client, string path) => client.GetAsync(new Uri(path, UriKind.Relative));

    public static Task<HttpResponseMessage> DeleteAsync(this HttpClient client, string path) => client.DeleteAsync(new Uri(path, UriKind.Relative));

    public static Task<HttpResponseMessage> PushFromAsync(this HttpClient client, string device, int number, int pushSeq) => client.PostAsync(
        "/sync/push",
        $$"""{"protocol":1,"deviceId":"{{device}}","storeId":"file-{{device}}","pushSeq":{{pushSeq}},"commands":[{{Note(number)}}]}""");

    public static string Note(int number) =>
        $$"""{"id":"{{Samples.Command(number)}}","entityType":"notes","operation":"CREATE","entityId":"018f0000-0000-7000-8000-{{number:x12}}","payload":{"id":"018f0000-0000-7000-8000-{{number:x12}}","title":"t"},"occurredAt":"2026-01-01T00:00:00Z"}""";

    public static async Task<(HttpClient Client, string Refresh)> RefreshAsync(HttpServer server, string refreshToken)
    {
        using var answer = await server.Client(user: null).PostAsync("/auth/refresh", JsonSerializer.Serialize(new { refreshToken }));
        var pair = await answer.JsonAsync();
        return (server.ClientWith(pair.GetProperty("accessToken").GetString()), pair.GetProperty("refreshToken").GetString()!);
    }

    public static async Task<ClientWebSocket> ListenAsync(Uri address, AuthenticationHeaderValue token, string query)
    {
        var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", token.ToString());
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{address.Port}/sync/live{query}"), CancellationToken.None).WaitAsync(Deadline);
        await socket.ReceiveAsync(new byte[1024], CancellationToken.None).WaitAsync(Deadline);
        return socket;
    }

    public static async Task<WebSocketCloseStatus?> EndAsync(ClientWebSocket socket)
    {
        var buffer = new byte[4096];
        while ((await socket.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Deadline)).MessageType != WebSocketMessageType.Close)
        {
        }

        return socket.CloseStatus;
    }
}
