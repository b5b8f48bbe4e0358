using System.Net.WebSockets;
using Tidemark.Model.Protocol;
using Tidemark.Testing;

namespace Tidemark.Server.Tests.Http;

/// <summary>The way out of a node.</summary>
public sealed class DrainTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [Fact]
    [Trait("req", "SRV-12")]
    public async Task A_node_that_drains_is_not_ready_sends_its_listeners_elsewhere_and_serves_until_its_time_is_over()
    {
        var time = new VirtualTime();
        await using var server = await HttpServer.StartAsync(new ServerOptions { Dev = true, DrainTime = TimeSpan.FromSeconds(20) }, environment: new ServerEnvironment { Time = time });
        var walk = await Walk.BeginAsync(server);
        using (var ready = await walk.Client.GetAsync(new Uri("/health/ready", UriKind.Relative)))
        {
            Assert.True(ready.IsSuccessStatusCode);
            Assert.Null(ready.Headers.ConnectionClose);
        }

        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer " + server.Tokens.Create("ann", TimeSpan.FromHours(1)));
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{server.Address.Port}/sync/live"), CancellationToken.None);
        var buffer = new byte[1024];
        await socket.ReceiveAsync(buffer, CancellationToken.None);

        var stop = server.App.StopAsync();
        Assert.Equal(WebSocketMessageType.Close, (await socket.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Deadline)).MessageType);
        Assert.Equal(1012, (int)socket.CloseStatus!);
        using (var ready = await walk.Client.GetAsync(new Uri("/health/ready", UriKind.Relative)))
        {
            await ready.ProblemAsync(503, ErrorCodes.Unavailable);
            Assert.True(ready.Headers.ConnectionClose);
        }

        using (var live = await walk.Client.GetAsync(new Uri("/health/live", UriKind.Relative)))
        {
            Assert.True(live.IsSuccessStatusCode);
        }

        Assert.Equal(1, (await walk.PushAsync(Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}"}"""))).GetProperty("successful").GetArrayLength());
        Assert.False(stop.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(20));
        await stop.WaitAsync(Deadline);
        await server.App.StopAsync().WaitAsync(Deadline); // Who stops it again, as disposing may, does not wait for another drain time.
    }
}
