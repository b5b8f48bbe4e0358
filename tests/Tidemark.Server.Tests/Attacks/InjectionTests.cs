using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.Blobs;
using Tidemark.Server.PostgreSql;
using Tidemark.Server.Sqlite.Health;
using Tidemark.Server.Storage;
using Tidemark.Server.Tests.Access;
using Tidemark.Server.Tests.Http;

namespace Tidemark.Server.Tests.Attacks;

/// <summary>Statements, lines and paths in the place of names and values.</summary>
[Trait("req", "SRV-07")]
public sealed class InjectionTests
{
    // Refusals of everyday life: what a device is to do first.
    private static readonly string[] Errands = [ErrorCodes.ResyncRequired, ErrorCodes.StoreForked, ErrorCodes.ModelMismatch, ErrorCodes.LeaseDenied];

    private static readonly string[] Words =
    [
        "'; DROP TABLE notes; --", "\"; DELETE FROM _tm_space; --", "' OR '1'='1", "$1", "?1", "{0}", "${jndi:ldap://x}", "%00", "\\u0000", "../../etc/passwd", "notes\"; --", "\r\nSet-Cookie: a=b", "<script>", "$$; SELECT pg_sleep(9) $$", "E'\\''",
    ];

    [Fact]
    public async Task Statements_in_values_are_values_and_come_back_as_they_were()
    {
        var (server, ann) = await Attack.StartAsync();
        await using var _ = server;
        var commands = Words.Select((w, i) => Command(100 + i, w));
        Assert.Equal(Words.Length, (await ann.PushAsync(string.Join(',', commands))).GetProperty("successful").GetArrayLength());
        Assert.Equal(Words, (await ann.PullAsync()).Skip(2).Select(c => c.GetProperty("row").GetProperty("title").GetString()));
        Assert.Equal(Words.Length + 2, (await ann.PostAsync("/sync/checksums", "{}")).GetProperty("types").GetProperty("notes").GetProperty("rows").GetInt32());
    }

    [Fact]
    public async Task Statements_in_names_are_names_of_nothing()
    {
        var (server, ann) = await Attack.StartAsync();
        await using var _ = server;
        foreach (var word in Words)
        {
            var json = JsonSerializer.Serialize(word);
            await Attack.RefusedAsync(server, () => ann.Client.PostAsync("/sync/rows", $$"""{"entityType":{{json}},"entityIds":["1"]}"""), 400, ErrorCodes.BadRequest);
            await Attack.RefusedAsync(server, () => ann.Client.GetAsync("/sync/changes?entityTypes=" + Uri.EscapeDataString(word.Replace(",", "", StringComparison.Ordinal))), 400, ErrorCodes.BadRequest);
            await Attack.RefusedAsync(server, () => ann.Client.GetAsync("/sync/changes?cursor=" + Uri.EscapeDataString(word)), 400, ErrorCodes.CursorInvalid);
            var push = await ann.PushAsync($$"""{"id":"{{Samples.Command(50)}}","entityType":{{json}},"operation":"DELETE","entityId":"1","baseVersion":1,"occurredAt":"2026-01-01T00:00:00Z"},{"id":"{{Samples.Command(51)}}","entityType":"notes","operation":"CREATE","entityId":{{json}},"payload":{"id":{{json}}},"occurredAt":"2026-01-01T00:00:00Z"},{"id":"{{Samples.Command(52)}}","entityType":"notes","operation":"CREATE","entityId":"{{Attack.Id(8)}}","payload":{"id":"{{Attack.Id(8)}}",{{json}}:1},"occurredAt":"2026-01-01T00:00:00Z"}""");
            Assert.Equal([ErrorCodes.UnknownType, ErrorCodes.ValidationFailed, ErrorCodes.UnknownField], push.GetProperty("failed").EnumerateArray().Select(f => f.GetProperty("code").GetString()));
            if (word.Any(c => c is <= ' ' or > '~'))
            {
                await Attack.RefusedAsync(server, () => ann.Client.PostAsync("/sync/push", $$"""{"protocol":1,"deviceId":{{json}},"storeId":"s","pushSeq":99,"commands":[]}"""), 400, ErrorCodes.BadRequest);
                await Attack.RefusedAsync(server, () => ann.Client.PostAsync("/sync/push", $$"""{"protocol":1,"deviceId":"d","storeId":{{json}},"pushSeq":99,"commands":[]}"""), 400, ErrorCodes.BadRequest);
                await Attack.RefusedAsync(server, () => ann.Client.DeleteAsync("/devices/" + Uri.EscapeDataString(word.Replace("/", "", StringComparison.Ordinal))), 400, ErrorCodes.BadRequest);
            }
        }

        Assert.Equal(2, (await ann.PullAsync()).Count);
        Assert.All(server.Log.All, l => Assert.DoesNotContain("DROP TABLE", l.Text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Types_fields_users_and_devices_named_like_statements_work_as_names()
    {
        await using var server = await HttpServer.StartAsync();
        const string type = "a\\\"; DROP TABLE _tm_space; --";
        const string field = "x' OR ''='\\\"";
        var client = server.Client("o'neil\"; --");
        var model = $$"""{"version":1,"entities":[{"name":"{{type}}","key":["id"],"fields":[{"name":"id","type":"Text","nullable":false},{"name":"{{field}}","type":"Text"}]}]}""";
        await (await client.PutAsync(new Uri("/sync/model", UriKind.Relative), HttpMessages.Json(System.Text.Encoding.UTF8.GetBytes(model)))).JsonAsync();
        using var push = await client.PostAsync("/sync/push", $$"""{"protocol":1,"deviceId":"d';--","storeId":"s\"--","pushSeq":1,"commands":[{"id":"{{Samples.Command(1)}}","entityType":"{{type}}","operation":"CREATE","entityId":"';--","payload":{"id":"';--","{{field}}":"v"},"occurredAt":"2026-01-01T00:00:00Z"}]}""");
        Assert.Equal(1, (await push.JsonAsync()).GetProperty("successful").GetArrayLength());
        Assert.Single(await new Walk(client).PullAsync());
        await (await client.DeleteAsync("/devices/" + Uri.EscapeDataString("d';--"))).JsonAsync();
    }

    [Fact]
    public async Task A_word_at_any_place_of_any_request_is_taken_as_a_word_or_refused_once_and_harms_nobody()
    {
        using var blobs = new Testing.TempFolder();
        await using var server = await HttpServer.StartAsync(configure: b =>
        {
            b.Services.AddTidemarkHealth(p => p.GetRequiredService<IServerStore>() is PostgresServerStore postgres ? postgres.Health : SqliteHealthStore.Open(blobs.File("health.db")));
            b.Services.AddTidemarkBlobs(new FileBlobs(blobs.File("blobs")));
        });
        var ann = await Walk.BeginAsync(server);
        await ann.PushAsync(Sessions.Note(1) + "," + Sessions.Note(2));
        var routes = server.App.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>().Where(e => !e.RoutePattern.RawText!.StartsWith("/openapi", StringComparison.Ordinal))
            .SelectMany(e => e.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(m => $"{m} {e.RoutePattern.RawText}"));
        Assert.Equal(routes.Order(StringComparer.Ordinal).Distinct(), WholeRequests.All.Select(r => r.ToString()).Concat(WholeRequests.Without).Order(StringComparer.Ordinal).Distinct());

        var (rows, model) = (await ann.PullAsync(), await ann.GetAsync("/sync/model"));
        var (eve, root) = (server.Client("eve"), server.Client("root", administrator: true));
        var places = 0;
        foreach (var request in WholeRequests.All)
        {
            // Each word at every third place, so that every place meets five of them.
            foreach (var (word, i) in Words.Select((w, i) => (w, i)))
            {
                foreach (var (place, make) in request.With(word).Where((_, at) => (at + i) % 3 == 0))
                {
                    var client = request.Route.StartsWith("/admin", StringComparison.Ordinal) ? root : request.Route == "/auth/revoke" ? server.Client("eve") : eve;
                    await MeetAsync(server, client, make(++places), $"{request}, {place}: {word}", word);
                }
            }
        }

        Assert.InRange(places, 1000, 5000);
        Assert.Equal(rows.Select(r => r.ToString()), (await ann.PullAsync()).Select(r => r.ToString()));
        Assert.Equal(model.ToString(), (await ann.GetAsync("/sync/model")).ToString());
        Assert.Equal(HttpStatusCode.OK, (await server.Client(user: null).GetAsync("/health/ready")).StatusCode);
    }

    private static async Task MeetAsync(HttpServer server, HttpClient client, HttpRequestMessage message, string what, string word)
    {
        var before = server.Log.All.Count;
        using var sent = message;
        using var answer = await client.SendAsync(sent, CancellationToken.None);
        var status = (int)answer.StatusCode;
        var text = await answer.Content.ReadAsStringAsync(CancellationToken.None);
        Assert.True(status < 500, $"{what}: {status} {text}");
        var lines = server.Log.All.Skip(before).Select(l => l.Text).ToList();
        Assert.True(lines.Count(l => l.Contains("Refused with", StringComparison.Ordinal)) == (status < 400 || Errands.Any(c => text.Contains($"\"{c}\"", StringComparison.Ordinal)) ? 0 : 1), $"{what}: {status}, {string.Join(" / ", lines)}");
        Assert.DoesNotContain(lines, l => l.Contains(word, StringComparison.Ordinal));
        Assert.DoesNotContain(answer.Headers, h => h.Key == "Set-Cookie");
    }

    private static string Command(int number, string title) =>
        $$"""{"id":"{{Samples.Command(number)}}","entityType":"notes","operation":"CREATE","entityId":"{{Attack.Id(number)}}","payload":{"id":"{{Attack.Id(number)}}","title":{{JsonSerializer.Serialize(title)}}},"occurredAt":"2026-01-01T00:00:00Z"}""";
}
