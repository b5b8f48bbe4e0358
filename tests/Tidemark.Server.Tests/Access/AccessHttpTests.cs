using System.Net;
using System.Net.WebSockets;
using System.Text.Json;
using Tidemark.Model.Protocol;
using Tidemark.Server.Access;
using Tidemark.Server.Tests.Http;

namespace Tidemark.Server.Tests.Access;

/// <summary>Devices, refresh and revocation over HTTP.</summary>
[Trait("req", "SRV-07")]
public sealed class AccessHttpTests
{
    [Fact]
    public async Task A_device_is_known_with_its_first_request_and_a_revoked_one_is_refused_everywhere_and_cut_off()
    {
        await using var server = await HttpServer.StartAsync();
        await Walk.BeginAsync(server);
        var (phone, tablet) = (server.Client(), server.Client());
        await (await phone.PushFromAsync("phone", 1, 1)).JsonAsync();
        using var socket = await Sessions.ListenAsync(server.Address, phone.DefaultRequestHeaders.Authorization!, "?deviceId=phone");
        using var other = await Sessions.ListenAsync(server.Address, tablet.DefaultRequestHeaders.Authorization!, "?deviceId=tablet");
        await (await tablet.PostAsync("/devices", """{"deviceId":"tablet","name":"Ann's tablet"}""")).JsonAsync();
        var devices = (await (await tablet.GetAsync("/devices")).JsonAsync()).GetProperty("devices").EnumerateArray().ToList();
        Assert.Equal(["phone", "tablet"], devices.Select(d => d.GetProperty("deviceId").GetString()));
        Assert.Equal("Ann's tablet", devices[1].GetProperty("name").GetString());

        await (await tablet.DeleteAsync("/devices/phone")).JsonAsync();
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, await Sessions.EndAsync(socket));
        using (var push = await server.Client().PushFromAsync("phone", 2, 2))
        {
            await push.ProblemAsync(403, ErrorCodes.DeviceRevoked);
        }

        using (var pull = await server.Client().GetAsync("/sync/changes?deviceId=phone"))
        {
            await pull.ProblemAsync(403, ErrorCodes.DeviceRevoked);
        }

        using (var lease = await server.Client().PostAsync("/sync/lease", """{"deviceId":"phone"}"""))
        {
            await lease.ProblemAsync(403, ErrorCodes.DeviceRevoked);
        }

        using (var own = await phone.GetAsync("/spaces"))
        {
            await own.ProblemAsync(401, ErrorCodes.AuthFailed); // Its own token went with it, whatever it calls itself.
        }

        await (await tablet.PushFromAsync("tablet", 3, 1)).JsonAsync();
        Assert.Equal(WebSocketState.Open, other.State);
        await (await tablet.PostAsync("/devices", """{"deviceId":"phone"}""")).JsonAsync();
        await (await server.Client().PushFromAsync("phone", 4, 3)).JsonAsync();
    }

    [Fact]
    public async Task A_refresh_token_is_good_once_and_the_session_ends_when_it_comes_again()
    {
        var time = new ShiftedTime();
        await using var server = await HttpServer.StartAsync(environment: new ServerEnvironment { Time = time });
        var first = server.Tokens.CreateSession("ann", TimeSpan.FromMinutes(10), TimeSpan.FromDays(30));
        var (client, second) = await Sessions.RefreshAsync(server, first.RefreshToken);
        Assert.Equal("ann", (await (await client.GetAsync("/sync/model")).JsonAsync()).GetProperty("user").GetString());

        // The answer may have been lost: the same one once more, soon.
        var (_, again) = await Sessions.RefreshAsync(server, first.RefreshToken);
        time.By = TimeSpan.FromMinutes(1);
        var (_, third) = await Sessions.RefreshAsync(server, again);
        time.By = TimeSpan.FromMinutes(2);
        foreach (var token in new[] { second, third, first.RefreshToken, "nonsense", first.AccessToken })
        {
            using var answer = await server.Client(user: null).PostAsync("/auth/refresh", JsonSerializer.Serialize(new { refreshToken = token }));
            await answer.ProblemAsync(401, ErrorCodes.AuthFailed);
        }

        using var over = await client.GetAsync("/spaces");
        await over.ProblemAsync(401, ErrorCodes.AuthFailed);
    }

    [Fact]
    public async Task A_token_is_revoked_alone_and_all_of_a_user_s_are_at_once_and_nobody_else_s()
    {
        await using var server = await HttpServer.StartAsync();
        var (one, two, ben) = (server.Client(), server.Client(), server.Client("ben"));
        using var socket = await Sessions.ListenAsync(server.Address, one.DefaultRequestHeaders.Authorization!, "");
        await (await one.PostAsync("/auth/revoke", "{}")).JsonAsync();
        Assert.Equal(WebSocketCloseStatus.PolicyViolation, await Sessions.EndAsync(socket));
        foreach (var path in new[] { "/spaces", "/sync/model", "/sync/changes", "/devices" })
        {
            using var refused = await one.GetAsync(path);
            await refused.ProblemAsync(401, ErrorCodes.AuthFailed);
        }

        await (await two.GetAsync("/spaces")).JsonAsync();
        var session = server.Tokens.CreateSession("ann", TimeSpan.FromMinutes(10), TimeSpan.FromDays(1));
        await (await two.PostAsync("/auth/revoke", """{"all":true}""")).JsonAsync();
        using (var refused = await two.GetAsync("/spaces"))
        {
            await refused.ProblemAsync(401, ErrorCodes.AuthFailed);
        }

        using (var refused = await server.Client(user: null).PostAsync("/auth/refresh", JsonSerializer.Serialize(new { refreshToken = session.RefreshToken })))
        {
            await refused.ProblemAsync(401, ErrorCodes.AuthFailed);
        }

        await (await ben.GetAsync("/spaces")).JsonAsync();
    }

    [Fact]
    [Trait("req", "SRV-12")]
    public async Task An_administrator_sees_users_devices_and_spaces_revokes_and_forgets_and_nobody_else_does()
    {
        await using var server = await HttpServer.StartAsync();
        await Walk.BeginAsync(server);
        var (ann, root) = (server.Client(), server.Client("root", administrator: true));
        await (await ann.PushFromAsync("phone", 1, 1)).JsonAsync();
        foreach (var path in new[] { "/admin/users", "/admin/users/ann/devices", "/admin/spaces", "/admin/dead-letters", "/admin/users/ann/dead-letters", "/admin/retention" })
        {
            using var refused = await ann.GetAsync(path);
            await refused.ProblemAsync(403, ErrorCodes.Forbidden);
            await (await root.GetAsync(path)).JsonAsync();
        }

        using (var refused = await ann.DeleteAsync("/admin/users/root/tokens"))
        {
            await refused.ProblemAsync(403, ErrorCodes.Forbidden);
        }

        Assert.Contains("ann", (await (await root.GetAsync("/admin/users")).JsonAsync()).GetProperty("users").EnumerateArray().Select(u => u.GetString()));
        Assert.Contains("u:ann", (await (await root.GetAsync("/admin/spaces")).JsonAsync()).GetProperty("spaces").EnumerateArray().Select(u => u.GetProperty("space").GetString()));
        using (var told = await ann.PutAsync(new Uri("/devices/phone/dead-letters", UriKind.Relative), HttpMessages.Json("""{"storeId":"file","deadLetters":[{"entityType":"notes","code":"UNIQUE","count":2,"oldest":"2026-01-01T00:00:00Z"}]}""")))
        {
            Assert.Equal(2, (await told.JsonAsync()).GetProperty("total").GetInt64());
        }

        using (var nothing = await ann.PutAsync(new Uri("/devices/phone/dead-letters", UriKind.Relative), HttpMessages.Json("""{"storeId":"file","deadLetters":[null]}""")))
        {
            await nothing.ProblemAsync(400, ErrorCodes.BadRequest);
        }

        Assert.Equal(2, (await (await root.GetAsync("/admin/dead-letters")).JsonAsync()).GetProperty("total").GetInt64());
        Assert.Equal(0, (await (await root.GetAsync("/admin/users/ben/dead-letters")).JsonAsync()).GetProperty("total").GetInt64());
        var kept = (await (await root.GetAsync("/admin/retention")).JsonAsync()).GetProperty("spaces").EnumerateArray().Single(s => s.GetProperty("space").GetString() == "u:ann").GetProperty("kept");
        Assert.Equal(1, kept.GetProperty("verdicts").GetInt64());
        await (await root.PostAsync("/admin/compactions", "{}")).JsonAsync();
        await (await root.DeleteAsync("/admin/users/ann/devices/phone")).JsonAsync();
        using (var refused = await server.Client().PushFromAsync("phone", 2, 2))
        {
            await refused.ProblemAsync(403, ErrorCodes.DeviceRevoked);
        }

        await (await root.DeleteAsync("/admin/users/ann/tokens")).JsonAsync();
        using (var refused = await ann.GetAsync("/spaces"))
        {
            await refused.ProblemAsync(401, ErrorCodes.AuthFailed);
        }
    }

    [Fact]
    public async Task Devices_commands_of_an_hour_and_requests_of_a_minute_have_bounds()
    {
        await using (var server = await HttpServer.StartAsync(new ServerOptions { Dev = true, Access = new AccessOptions { DevicesPerUserMax = 2, CommandsPerHourMax = 3 } }))
        {
            await Walk.BeginAsync(server);
            var client = server.Client();
            await (await client.PushFromAsync("a", 1, 1)).JsonAsync();
            await (await client.PushFromAsync("b", 2, 1)).JsonAsync();
            using (var third = await client.GetAsync("/sync/changes?deviceId=c"))
            {
                await third.ProblemAsync(403, ErrorCodes.Forbidden);
            }

            await (await client.PushFromAsync("a", 3, 2)).JsonAsync();
            using (var fourth = await client.PushFromAsync("a", 4, 3))
            {
                Assert.True((await fourth.ProblemAsync(429, ErrorCodes.RateLimited)).RetryAfterMs > 0);
            }

            await (await server.Client("ben").PushFromAsync("a", 5, 1)).JsonAsync();
        }

        await using (var server = await HttpServer.StartAsync(userRate: 3))
        {
            var client = server.Client();
            await AllowedAsync(client, 3);
            await AllowedAsync(server.Client("ben"), 3);
        }

        await using (var server = await HttpServer.StartAsync(addressRate: 3))
        {
            for (var i = 0; i < 2; i++)
            {
                using var nobody = await server.Client(user: null).GetAsync("/spaces");
                await nobody.ProblemAsync(401, ErrorCodes.AuthFailed); // Guessing counts.
            }

            await AllowedAsync(server.Client(), 1);
            Assert.Equal(HttpStatusCode.OK, (await server.Client(user: null).GetAsync("/health/ready")).StatusCode);
        }
    }

    private static async Task AllowedAsync(HttpClient client, int times)
    {
        for (var i = 0; i < times; i++)
        {
            await (await client.GetAsync("/spaces")).JsonAsync();
        }

        using var refused = await client.GetAsync("/spaces");
        Assert.True((await refused.ProblemAsync(429, ErrorCodes.RateLimited)).RetryAfterMs >= 1000);
    }

    [Fact]
    public async Task Every_answer_forbids_to_be_framed_sniffed_or_kept()
    {
        await using var server = await HttpServer.StartAsync();
        foreach (var path in new[] { "/sync/model", "/sync/changes?limit=0", "/health/live" })
        {
            using var answer = await server.Client().GetAsync(path);
            Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.Equal("default-src 'none'; frame-ancestors 'none'", answer.Headers.GetValues("Content-Security-Policy").Single());
            Assert.Equal("no-referrer", answer.Headers.GetValues("Referrer-Policy").Single());
            Assert.True(answer.Headers.CacheControl!.NoStore);
            Assert.False(answer.Headers.Contains("Server"));
        }
    }
}
