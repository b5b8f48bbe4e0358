using System.Text.Json;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore;
using Tidemark.Testing;

namespace Tidemark.Server.Tests.Http;

[Trait("req", "SRV-07")]
public sealed class AuthenticationTests
{
    [Theory]
    [InlineData("GET", "/sync/model")]
    [InlineData("PUT", "/sync/model")]
    [InlineData("GET", "/spaces")]
    [InlineData("POST", "/sync/push")]
    [InlineData("GET", "/sync/changes")]
    [InlineData("POST", "/sync/changes")]
    [InlineData("POST", "/sync/verdicts")]
    [InlineData("POST", "/sync/rows")]
    [InlineData("POST", "/sync/checksums")]
    public async Task Without_a_token_nothing_is_read_or_written(string method, string path)
    {
        await using var server = await HttpServer.StartAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = method == "GET" ? null : HttpMessages.Json("{}");

        using var answer = await server.Client(user: null).SendAsync(request);

        var problem = await answer.ProblemAsync(401, ErrorCodes.AuthFailed);
        Assert.False(problem.Retryable);
        Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.Single().Scheme);
        Assert.Contains("tidemark token", problem.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_a_damaged_an_expired_and_a_foreign_token_are_refused_alike()
    {
        await using var server = await HttpServer.StartAsync();
        using var elsewhere = new TempFolder();
        using var foreign = TidemarkTokens.Open(elsewhere.Path);
        using var past = TidemarkTokens.Open(server.DataDirectory, new StoppedClock(TimeProvider.System.GetUtcNow().AddDays(-2)));
        var good = server.Tokens.Create("ann", TimeSpan.FromHours(1));
        string[] tokens =
        [
            "nonsense",
            good[..^4],
            good[..20] + (good[20] == 'A' ? 'B' : 'A') + good[21..],
            past.Create("ann", TimeSpan.FromDays(1)),
            foreign.Create("ann", TimeSpan.FromHours(1)),
        ];

        foreach (var token in tokens)
        {
            using var answer = await server.ClientWith(token).GetAsync(new Uri("/spaces", UriKind.Relative));
            await answer.ProblemAsync(401, ErrorCodes.AuthFailed);
        }

        using var accepted = await server.ClientWith(good).GetAsync(new Uri("/spaces", UriKind.Relative));
        Assert.True(accepted.IsSuccessStatusCode);
    }

    [Fact]
    public async Task The_user_is_the_token_s_and_nobody_else_s()
    {
        await using var server = await HttpServer.StartAsync();
        var client = server.Client("björn 🦊");
        client.DefaultRequestHeaders.Add("X-User", "ann");

        using var answer = await client.GetAsync(new Uri("/sync/model?user=ann", UriKind.Relative));

        Assert.Equal("björn 🦊", (await answer.JsonAsync()).GetProperty("user").GetString());
    }

    [Fact]
    public async Task Only_an_administrator_registers_a_model_where_it_is_not_for_development()
    {
        await using var server = await HttpServer.StartAsync(new ServerOptions());

        using var refused = await server.Client("ann").PutAsync(new Uri("/sync/model", UriKind.Relative), HttpMessages.Json(Samples.Model));
        using var accepted = await server.Client("root", administrator: true).PutAsync(new Uri("/sync/model", UriKind.Relative), HttpMessages.Json(Samples.Model));

        await refused.ProblemAsync(403, ErrorCodes.Forbidden);
        Assert.Equal(64, (await accepted.JsonAsync()).GetProperty("hash").GetString()!.Length);
    }

    [Fact]
    public void A_token_s_user_and_lifetime_have_bounds()
    {
        using var folder = new TempFolder();
        using var tokens = TidemarkTokens.Open(folder.Path);

        Assert.NotEmpty(tokens.Create(new string('a', TidemarkTokens.UserLengthMax), TimeSpan.FromSeconds(1)));
        foreach (var user in new[] { "", " ", "a\0b", "line\nbreak", "\ud800", new string('a', TidemarkTokens.UserLengthMax + 1) })
        {
            Assert.Throws<ArgumentException>(() => tokens.Create(user, TimeSpan.FromDays(1)));
        }

        Assert.Throws<ArgumentException>(() => tokens.Create("ann", TimeSpan.Zero));
        Assert.Throws<ArgumentException>(() => tokens.Create("ann", TimeSpan.MaxValue));
    }

    [Fact]
    public void The_keys_are_readable_for_their_owner_alone()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Unix permissions");
            return;
        }

        using var folder = new TempFolder();
        using var tokens = TidemarkTokens.Open(folder.Path);
        tokens.Create("ann", TimeSpan.FromDays(1));

        var mode = File.GetUnixFileMode(folder.File("keys"));

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, mode);
        Assert.NotEmpty(Directory.GetFiles(folder.File("keys"), "*.xml"));
    }

    [Fact]
    public async Task Tokens_made_while_the_server_runs_and_after_a_restart_are_accepted()
    {
        using var folder = new TempFolder();
        string early;
        using (var tokens = TidemarkTokens.Open(folder.Path))
        {
            early = tokens.Create("ann", TimeSpan.FromDays(30));
        }

        using var later = TidemarkTokens.Open(folder.Path);
        for (var start = 0; start < 2; start++)
        {
            await using var server = await HttpServer.StartAsync(shared: folder);
            foreach (var token in new[] { early, later.Create("ann", TimeSpan.FromDays(30)), server.Tokens.Create("ann", TimeSpan.FromDays(30)) })
            {
                using var answer = await server.ClientWith(token).GetAsync(new Uri("/spaces", UriKind.Relative));
                Assert.Equal(JsonValueKind.Array, (await answer.JsonAsync()).ValueKind);
            }
        }
    }

    private sealed class StoppedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
