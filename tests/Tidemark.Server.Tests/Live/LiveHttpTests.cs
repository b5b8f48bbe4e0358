using System.Net;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Live;
using Tidemark.Server.Tests.Http;
using Tidemark.Sqlite;

namespace Tidemark.Server.Tests.Live;

/// <summary>GET /sync/live as another language would use it.</summary>
[Trait("req", "RUN-13")]
public sealed class LiveHttpTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task A_message_names_what_changed_and_where_the_space_is_now()
    {
        await using var server = await HttpServer.StartAsync();
        var walk = await Walk.BeginAsync(server);
        using var socket = await ConnectAsync(server, "?deviceId=tablet");
        var head = await ReadAsync(socket);
        Assert.Equal("space.head", head.GetProperty("type").GetString());
        var verdict = (await walk.PushAsync(Note(1))).GetProperty("successful")[0];
        var message = await ReadAsync(socket);
        Assert.Equal(["position", "space", "type"], message.EnumerateObject().Select(m => m.Name).Order(StringComparer.Ordinal));
        Assert.Equal(("notes.updated", "u:ann"), (message.GetProperty("type").GetString(), message.GetProperty("space").GetString()));
        Assert.Equal(verdict.GetProperty("version").GetInt64(), message.GetProperty("position").GetInt64());
    }

    [Fact]
    public async Task Others_hear_nothing_of_it_and_a_repeated_or_refused_push_moves_nothing()
    {
        await using var server = await HttpServer.StartAsync();
        var walk = await Walk.BeginAsync(server);
        using var ben = await ConnectAsync(server, "", "ben");
        using var own = await ConnectAsync(server, "?deviceId=phone");
        using var other = await ConnectAsync(server, "?deviceId=tablet");
        foreach (var socket in new[] { ben, own, other })
        {
            await ReadAsync(socket);
        }

        await walk.PushAsync(Note(1));
        await ReadAsync(other);
        await walk.PushAsync("""{"id":"018f0000-0000-7000-9000-00000000000f","entityType":"nothing","operation":"CREATE","entityId":"x","payload":{},"occurredAt":"2026-01-01T00:00:00Z"}""");
        var second = (await walk.PushAsync(Note(2))).GetProperty("successful")[0].GetProperty("version").GetInt64();
        Assert.Equal(second, (await ReadAsync(other)).GetProperty("position").GetInt64());

        // What ben and the pushing device hear next is what ends their connections.
        await server.App.StopAsync();
        Assert.Null(await TryReadAsync(ben));
        Assert.Null(await TryReadAsync(own));
    }

    [Fact]
    public async Task What_another_program_wrote_is_told_when_it_is_noticed()
    {
        await using var server = await HttpServer.StartAsync();
        var walk = await Walk.BeginAsync(server);
        await walk.PushAsync(Note(1));
        using var socket = await ConnectAsync(server, "?deviceId=phone");
        var head = (await ReadAsync(socket)).GetProperty("position").GetInt64();
        using (var connection = SqliteFile.Open(Path.Combine(server.DataDirectory, "server.db"), new OpenOptions()))
        {
            connection.Run("UPDATE notes SET title = 'by hand'");
        }

        await walk.PullAsync();
        Assert.True((await ReadAsync(socket)).GetProperty("position").GetInt64() > head);
    }

    [Fact]
    public async Task Without_an_upgrade_a_token_or_a_space_of_ones_own_it_is_refused()
    {
        await using var server = await HttpServer.StartAsync(new ServerOptions { Dev = true, ListenersPerUserMax = 2 });
        using (var plain = await server.Client().GetAsync(new Uri("/sync/live", UriKind.Relative)))
        {
            await plain.ProblemAsync(400, ErrorCodes.BadRequest);
        }

        Assert.Equal(HttpStatusCode.Unauthorized, await RefusedAsync(server, "", user: null));
        Assert.Equal(HttpStatusCode.NotFound, await RefusedAsync(server, "?space=u:ben"));
        Assert.Equal(HttpStatusCode.BadRequest, await RefusedAsync(server, "?deviceId=a%20b"));
        using (var first = await ConnectAsync(server, ""))
        using (var second = await ConnectAsync(server, ""))
        {
            Assert.Equal(HttpStatusCode.TooManyRequests, await RefusedAsync(server, ""));
            using var ben = await ConnectAsync(server, "", "ben");
            await second.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None).WaitAsync(Deadline);
        }
    }

    [Fact]
    public async Task A_slow_listener_keeps_one_position_for_each_type()
    {
        var hub = new HintHub(1);
        using var listener = hub.Listen(new UserId("ann"), [new SpaceId("u:ann")], "d", isAll: false);
        for (var position = 1; position <= 10_000; position++)
        {
            hub.Publish(new SpaceId("u:ann"), position, position % 2 == 0 ? ["notes"] : ["tags", "tags"], deviceId: null);
        }

        hub.Publish(new SpaceId("u:ann"), 20_000, ["notes"], "d");
        hub.Publish(new SpaceId("u:ben"), 30_000, ["notes"], deviceId: null);
        Assert.Equal([("notes.updated", 10_000L), ("tags.updated", 9_999L)], (await listener.NextAsync(CancellationToken.None)).Select(m => (m.Type, m.Position)));
        var next = listener.NextAsync(CancellationToken.None);
        Assert.False(next.IsCompleted);
        hub.Publish(new SpaceId("u:ann"), 20_001, [], deviceId: null);
        Assert.Equal((LiveMessage.Head, 20_001L), ((await next.WaitAsync(Deadline))[0].Type, (await next)[0].Position));
    }

    private static string Note(int number) =>
        $$"""{"id":"{{Samples.Command(number)}}","entityType":"notes","operation":"CREATE","entityId":"018f0000-0000-7000-8000-{{number:x12}}","payload":{"id":"018f0000-0000-7000-8000-{{number:x12}}","title":"t"},"occurredAt":"2026-01-01T00:00:00Z"}""";

    private static async Task<ClientWebSocket> ConnectAsync(HttpServer server, string query, string? user = "ann")
    {
        var socket = new ClientWebSocket();
        socket.Options.CollectHttpResponseDetails = true;
        if (user is not null)
        {
            socket.Options.SetRequestHeader("Authorization", "Bearer " + server.Tokens.Create(user, TimeSpan.FromHours(1)));
        }

        try
        {
            await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{server.Address.Port}/sync/live{query}"), CancellationToken.None).WaitAsync(Deadline);
            return socket;
        }
        catch (WebSocketException e)
        {
            e.Data["status"] = socket.HttpStatusCode;
            socket.Dispose();
            throw;
        }
    }

    private static async Task<HttpStatusCode> RefusedAsync(HttpServer server, string query, string? user = "ann") =>
        (HttpStatusCode)(await Assert.ThrowsAsync<WebSocketException>(() => ConnectAsync(server, query, user))).Data["status"]!;

    private static async Task<JsonElement> ReadAsync(ClientWebSocket socket) => (await TryReadAsync(socket))!.Value;

    private static async Task<JsonElement?> TryReadAsync(ClientWebSocket socket)
    {
        var buffer = new byte[4096];
        var part = await socket.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Deadline);
        return part.MessageType == WebSocketMessageType.Close ? null : JsonDocument.Parse(Encoding.UTF8.GetString(buffer, 0, part.Count)).RootElement;
    }
}
