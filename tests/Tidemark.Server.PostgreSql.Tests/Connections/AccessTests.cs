using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Tidemark.Model.Values;
using Tidemark.Server.Access;
using Tidemark.Server.AspNetCore;
using Tidemark.Testing;

namespace Tidemark.Server.PostgreSql.Tests.Connections;

/// <summary>Devices and revocations, common to all nodes.</summary>
[Trait("req", "SRV-07")]
public sealed class AccessTests : PostgresWorld
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Changes_of_a_book_by_many_nodes_are_made_one_after_the_other_and_books_are_each_user_s_own()
    {
        var stores = Enumerable.Range(0, 3).Select(_ => Kept(Stores.Open(Environment, Schema))).ToList();
        var (ann, ben) = (new SpaceId("u:ann"), new SpaceId("u:ben"));
        await Task.WhenAll(Enumerable.Range(0, 30).Select(i => stores[i % 3].ChangeAccessAsync<bool>(
            ann,
            book => ([new AccessEntry("count", "", (book.Count == 0 ? 1 : int.Parse(book[0].Value, System.Globalization.CultureInfo.InvariantCulture) + 1).ToString(System.Globalization.CultureInfo.InvariantCulture), i)], true),
            None).AsTask()));
        Assert.Equal("30", Assert.Single(await stores[1].ReadAccessAsync(ann, None)).Value);
        Assert.Empty(await stores[1].ReadAccessAsync(ben, None));
        await stores[2].ChangeAccessAsync<bool>(ben, _ => ([new AccessEntry("a", "x", "'", 0), new AccessEntry("a", "y", "", 0)], true), None);
        await stores[2].ChangeAccessAsync<bool>(ben, b => ([.. b.Where(e => e.Id == "y")], true), None);
        Assert.Equal(new AccessEntry("a", "y", "", 0), Assert.Single(await stores[0].ReadAccessAsync(ben, None)));
        Assert.Equal([ann, ben], await stores[0].GetAccessSpacesAsync(None));
    }

    [Fact]
    [Trait("req", "SRV-09")]
    public async Task What_is_revoked_at_one_node_is_refused_and_cut_off_at_all_others()
    {
        using var folder = new TempFolder();
        await using var one = await NodeAsync(folder, "one");
        await using var two = await NodeAsync(folder, "two");
        using var tokens = await TidemarkTokens.OpenAsync(Store);
        var (ours, stolen) = (Client(one, tokens.Create("ann", TimeSpan.FromHours(1))), tokens.Create("ann", TimeSpan.FromHours(1)));
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", "Bearer " + stolen);
        await socket.ConnectAsync(new Uri(two.Urls.Single().Replace("http", "ws", StringComparison.Ordinal) + "/sync/live?deviceId=laptop"), None).WaitAsync(Deadline);
        var buffer = new byte[1024];
        await socket.ReceiveAsync(buffer, None).WaitAsync(Deadline);
        await Eventually.TrueAsync(async () => (long)(await SqlAsync("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %tidemark_" + Schema + "%'"))! == 2, "both nodes listen");

        using (var revoked = await ours.DeleteAsync(new Uri("/devices/laptop", UriKind.Relative)))
        {
            Assert.Equal(HttpStatusCode.OK, revoked.StatusCode);
        }

        foreach (var node in new[] { one, two })
        {
            using var refused = await Client(node, stolen).GetAsync(new Uri("/spaces", UriKind.Relative));
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
            using var device = await Client(node, tokens.Create("ann", TimeSpan.FromHours(1))).GetAsync(new Uri("/sync/live?deviceId=laptop", UriKind.Relative));
            Assert.NotEqual(HttpStatusCode.OK, device.StatusCode);
        }

        while ((await socket.ReceiveAsync(buffer, None).WaitAsync(Deadline)).MessageType != WebSocketMessageType.Close)
        {
        }

        Assert.Equal(WebSocketCloseStatus.PolicyViolation, socket.CloseStatus);
        await one.StopAsync();
        await two.StopAsync();
    }

    private static HttpClient Client(WebApplication node, string token)
    {
        var client = new HttpClient { BaseAddress = new Uri(node.Urls.Single()) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    private async Task<WebApplication> NodeAsync(TempFolder folder, string name)
    {
        var app = TidemarkHost.Create(new TidemarkHostOptions
        {
            Urls = ["http://127.0.0.1:0"],
            DataDirectory = folder.File(name),
            Store = Stores.Open(Environment, Schema),
            KeysInStore = true,
            Environment = Environment,
            Server = new ServerOptions { Dev = true },
            Configure = b => b.Logging.SetMinimumLevel(LogLevel.None),
        });
        await app.StartAsync();
        return app;
    }
}
