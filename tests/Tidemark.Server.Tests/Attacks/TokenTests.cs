using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Tidemark.Model.Protocol;
using Tidemark.Server.Tests.Access;
using Tidemark.Server.Tests.Http;

namespace Tidemark.Server.Tests.Attacks;

/// <summary>Tokens that were tampered with, replayed, made of another algorithm, or meant for something else.</summary>
[Trait("req", "SRV-07")]
public sealed class TokenTests
{
    [Fact]
    public async Task A_token_with_any_part_changed_is_refused()
    {
        await using var server = await HttpServer.StartAsync();
        var good = server.Tokens.Create("ann", TimeSpan.FromHours(1));
        for (var i = 0; i < good.Length; i += 17)
        {
            var changed = good[..i] + (good[i] == 'A' ? 'B' : 'A') + good[(i + 1)..];
            await Attack.RefusedAsync(server, () => server.ClientWith(changed).GetAsync("/spaces"), 401, ErrorCodes.AuthFailed, changed);
        }

        foreach (var cut in new[] { good[1..], good[..^1], good + "A", good + good })
        {
            await Attack.RefusedAsync(server, () => server.ClientWith(cut).GetAsync("/spaces"), 401, ErrorCodes.AuthFailed);
        }
    }

    [Theory]
    [InlineData("none", "")]
    [InlineData("None", "x")]
    [InlineData("HS256", "secret")]
    [InlineData("HS256", "")]
    [InlineData("RS256", "public key")]
    public async Task A_token_that_names_its_own_algorithm_is_refused(string algorithm, string key)
    {
        await using var server = await HttpServer.StartAsync();
        var head = Part(new { alg = algorithm, typ = "JWT" }) + "." + Part(new { sub = "ann", exp = 4102444800, role = "administrator" });
        var signature = algorithm == "none" ? "" : Base64(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(head)));
        await Attack.RefusedAsync(server, () => server.ClientWith($"{head}.{signature}").GetAsync("/spaces"), 401, ErrorCodes.AuthFailed, head);
    }

    [Fact]
    public async Task A_refresh_token_opens_nothing_and_an_access_token_refreshes_nothing()
    {
        await using var server = await HttpServer.StartAsync();
        var pair = server.Tokens.CreateSession("ann", TimeSpan.FromMinutes(5), TimeSpan.FromDays(1), administrator: true);
        await Attack.RefusedAsync(server, () => server.ClientWith(pair.RefreshToken).GetAsync("/spaces"), 401, ErrorCodes.AuthFailed, pair.RefreshToken);
        await Attack.RefusedAsync(server, () => Refresh(server, pair.AccessToken), 401, ErrorCodes.AuthFailed, pair.AccessToken);
        await Attack.RefusedAsync(server, () => Refresh(server, ""), 401, ErrorCodes.AuthFailed);
        await Attack.RefusedAsync(server, () => server.Client(user: null).PostAsync("/auth/refresh", """{"refreshToken":7}"""), 400, ErrorCodes.BadRequest);
    }

    [Fact]
    public async Task A_token_of_another_scheme_in_the_query_in_a_cookie_or_twice_is_refused()
    {
        await using var server = await HttpServer.StartAsync();
        var good = server.Tokens.Create("ann", TimeSpan.FromHours(1));
        await Attack.RefusedAsync(server, () => Send(server, "Basic " + Convert.ToBase64String("ann:ann"u8)), 401, ErrorCodes.AuthFailed);
        await Attack.RefusedAsync(server, () => Send(server, good), 401, ErrorCodes.AuthFailed, good);
        await Attack.RefusedAsync(server, () => server.Client(user: null).GetAsync("/spaces?access_token=" + good), 401, ErrorCodes.AuthFailed, good);
        await Attack.RefusedAsync(server, () => Send(server, null, "Cookie", "token=" + good), 401, ErrorCodes.AuthFailed, good);
        await Attack.RefusedAsync(server, () => Send(server, $"Bearer {good}, Bearer {good}"), 401, ErrorCodes.AuthFailed, good);
    }

    [Fact]
    public async Task A_stolen_token_ends_with_its_revocation()
    {
        await using var server = await HttpServer.StartAsync();
        var stolen = server.Tokens.Create("ann", TimeSpan.FromHours(1));
        await (await server.ClientWith(stolen).PostAsync("/auth/revoke", "{}")).JsonAsync();
        await Attack.RefusedAsync(server, () => server.ClientWith(stolen).GetAsync("/spaces"), 401, ErrorCodes.AuthFailed, stolen);
        await Walk.BeginAsync(server);
        await Attack.RefusedAsync(server, () => server.ClientWith(stolen).PostAsync("/sync/push", Samples.Push(1, Sessions.Note(1))), 401, ErrorCodes.AuthFailed, stolen);
    }

    [Fact]
    public async Task A_refresh_token_that_is_replayed_ends_the_session_of_thief_and_owner()
    {
        var time = new ShiftedTime();
        await using var server = await HttpServer.StartAsync(environment: new ServerEnvironment { Time = time });
        var stolen = server.Tokens.CreateSession("ann", TimeSpan.FromMinutes(10), TimeSpan.FromDays(1)).RefreshToken;
        var (owner, next) = await Sessions.RefreshAsync(server, stolen);
        time.By = TimeSpan.FromMinutes(1);
        await Attack.RefusedAsync(server, () => Refresh(server, stolen), 401, ErrorCodes.AuthFailed, stolen);
        await Attack.RefusedAsync(server, () => Refresh(server, next), 401, ErrorCodes.AuthFailed, next);
        await Attack.RefusedAsync(server, () => owner.GetAsync("/spaces"), 401, ErrorCodes.AuthFailed);
    }

    private static Task<HttpResponseMessage> Refresh(HttpServer server, string refreshToken) =>
        server.Client(user: null).PostAsync("/auth/refresh", JsonSerializer.Serialize(new { refreshToken }));

    private static Task<HttpResponseMessage> Send(HttpServer server, string? authorization, string header = "X-Nothing", string value = "")
    {
        var client = server.Client(user: null);
        client.DefaultRequestHeaders.TryAddWithoutValidation(header, value);
        if (authorization is not null)
        {
            client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", authorization);
        }

        return client.GetAsync("/spaces");
    }

    private static string Part(object part) => Base64(JsonSerializer.SerializeToUtf8Bytes(part));

    private static string Base64(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
}
