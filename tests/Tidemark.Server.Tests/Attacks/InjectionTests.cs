using System.Text.Json;
using Tidemark.Model.Protocol;
using Tidemark.Server.Tests.Access;
using Tidemark.Server.Tests.Http;

namespace Tidemark.Server.Tests.Attacks;

/// <summary>Statements, lines and paths in the place of names and values.</summary>
[Trait("req", "SRV-07")]
public sealed class InjectionTests
{
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

    private static string Command(int number, string title) =>
        $$"""{"id":"{{Samples.Command(number)}}","entityType":"notes","operation":"CREATE","entityId":"{{Attack.Id(number)}}","payload":{"id":"{{Attack.Id(number)}}","title":{{JsonSerializer.Serialize(title)}}},"occurredAt":"2026-01-01T00:00:00Z"}""";
}
