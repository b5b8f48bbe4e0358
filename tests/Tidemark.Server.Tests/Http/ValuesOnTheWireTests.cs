using System.Text;
using System.Text.Json;
using Tidemark.Model.Protocol;

namespace Tidemark.Server.Tests.Http;

/// <summary>Strings and numbers at their edges: kept exactly or refused with the field's name, the same for every engine.</summary>
[Trait("req", "SRV-07")]
public sealed class ValuesOnTheWireTests(SharedServer shared) : IClassFixture<SharedServer>
{
    [Theory]
    [InlineData("title", "\"a\\u0000b\"")]
    [InlineData("title", "\"\\ud800\"")]
    [InlineData("title", "\"a\\udc00b\"")]
    [InlineData("title", "5")]
    [InlineData("title", "{}")]
    [InlineData("count", "9223372036854775808")]
    [InlineData("count", "\"9223372036854775808\"")]
    [InlineData("count", "1.5")]
    [InlineData("count", "1e400")]
    [InlineData("count", "true")]
    [InlineData("count", "\"\"")]
    [InlineData("ratio", "1e400")]
    [InlineData("ratio", "\"NaN\"")]
    [InlineData("price", "\"1.2.3\"")]
    [InlineData("price", "\"\"")]
    [InlineData("photo", "\"not base64!\"")]
    [InlineData("done", "1")]
    [InlineData("at", "\"0000-01-01T00:00:00Z\"")]
    [InlineData("at", "\"10000-01-01T00:00:00Z\"")]
    [InlineData("at", "\"2026-11-21T23:59:60Z\"")]
    [InlineData("at", "\"yesterday\"")]
    [InlineData("any", "1e400")]
    [InlineData("any", "{\"t\":\"x\",\"v\":1}")]
    [InlineData("any", "{\"t\":\"i\"}")]
    [InlineData("any", "[1]")]
    [InlineData("any", "{\"t\":\"t\",\"v\":\"a\\u0000b\"}")]
    [InlineData("ghost", "1")]
    public async Task A_value_that_does_not_fit_is_a_failed_verdict_that_names_its_field(string field, string value)
    {
        var phone = await shared.BeginAsync();
        var good = Samples.CreateNote(2, $$"""{"id":"{{Samples.TagId}}"}""", Samples.TagId);

        var answer = await phone.PushAsync(Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}","{{field}}":{{value}}}""") + "," + good);

        var failed = Assert.Single(answer.GetProperty("failed").EnumerateArray());
        Assert.Equal(Samples.Command(1), failed.GetProperty("commandId").GetString());
        Assert.Equal(field == "ghost" ? ErrorCodes.UnknownField : ErrorCodes.ValidationFailed, failed.GetProperty("code").GetString());
        Assert.Equal(field, failed.GetProperty("field").GetString());
        Assert.False(failed.GetProperty("retryable").GetBoolean());
        Assert.Single(answer.GetProperty("successful").EnumerateArray());
        Assert.Single(await phone.PullAsync());
    }

    [Theory]
    [InlineData("title", "\"\"", "\"\"")]
    [InlineData("title", "null", "null")]
    [InlineData("title", "\"e\\u0301 \\ud83e\\udd8a \\u2028 \\/\"", "\"e\u0301 🦊 \u2028 /\"")]
    [InlineData("title", "\"\\u001f\\t\\\"\"", "\"\\u001f\\t\\\"\"")]
    [InlineData("count", "9007199254740991", "9007199254740991")]
    [InlineData("count", "9007199254740993", "\"9007199254740993\"")]
    [InlineData("count", "\"9007199254740993\"", "\"9007199254740993\"")]
    [InlineData("count", "\"-9223372036854775808\"", "\"-9223372036854775808\"")]
    [InlineData("count", "9223372036854775807", "\"9223372036854775807\"")]
    [InlineData("count", "\"7\"", "7")]
    [InlineData("ratio", "0.1", "0.1")]
    [InlineData("ratio", "1E2", "100")]
    [InlineData("ratio", "5e-324", "5e-324")]
    [InlineData("price", "\"12345678901234567890.123456789\"", "\"12345678901234567890.123456789\"")]
    [InlineData("photo", "\"AAEC/w==\"", "\"AAEC/w==\"")]
    [InlineData("photo", "\"\"", "\"\"")]
    [InlineData("done", "false", "false")]
    [InlineData("at", "\"2026-11-21T05:00:00+02:00\"", "\"2026-11-21T03:00:00Z\"")]
    [InlineData("details", "{\"b\":1,\"a\":[null,true]}", "{\"a\":[null,true],\"b\":1}")]
    [InlineData("any", "1", "1")]
    [InlineData("any", "\"text\"", "\"text\"")]
    [InlineData("any", "{\"t\":\"b\",\"v\":\"AAE=\"}", "{\"t\":\"b\",\"v\":\"AAE=\"}")]
    [InlineData("any", "{\"t\":\"r\",\"v\":1}", "{\"t\":\"r\",\"v\":1}")]
    [InlineData("any", "{\"t\":\"r\",\"v\":\"Infinity\"}", "{\"t\":\"r\",\"v\":\"Infinity\"}")]
    [InlineData("any", "{\"t\":\"i\",\"v\":\"9007199254740993\"}", null)]
    public async Task A_value_that_fits_comes_back_as_it_was(string field, string value, string? wanted)
    {
        var phone = await shared.BeginAsync();

        var answer = await phone.PushAsync(Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}","{{field}}":{{value}}}"""));

        Assert.Single(answer.GetProperty("successful").EnumerateArray());
        var row = Assert.Single(await phone.PullAsync()).GetProperty("row");
        Assert.Equal(wanted ?? value, row.GetProperty(field).GetRawText());
        var again = Assert.Single((await phone.PostAsync("/sync/rows", $$"""{"entityType":"notes","entityIds":["{{Samples.NoteId}}"]}""")).GetProperty("rows").EnumerateArray());
        Assert.Equal(row.GetRawText(), again.GetProperty("row").GetRawText());
    }

    [Fact]
    public async Task A_member_that_stands_twice_is_refused_wherever_it_stands()
    {
        var phone = await shared.BeginAsync();
        string[] bodies =
        [
            Samples.Push(1, "", ""","pushSeq":2"""),
            Samples.Push(1, Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}","title":"a","title":"b"}""")),
            Samples.Push(1, Samples.CreateNote(1, $$"""{"details":{"a":1,"a":2},"id":"{{Samples.NoteId}}"}""")),
            Samples.Push(1, Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}"}""").Replace("\"operation\"", "\"operation\":\"DELETE\",\"operation\"", StringComparison.Ordinal)),
        ];

        foreach (var body in bodies)
        {
            using var answer = await phone.Client.PostAsync("/sync/push", body);
            await answer.ProblemAsync(400, ErrorCodes.BadRequest);
        }

        Assert.Empty(await phone.PullAsync());
    }

    [Fact]
    public async Task A_text_that_is_not_UTF_8_is_refused_and_nothing_is_stored()
    {
        var phone = await shared.BeginAsync();
        var text = Samples.Push(1, Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}","title":"?"}"""));
        var body = Encoding.UTF8.GetBytes(text);
        body[text.IndexOf("\"?\"", StringComparison.Ordinal) + 1] = 0xFF;

        using var answer = await phone.Client.PostAsync(new Uri("/sync/push", UriKind.Relative), HttpMessages.Json(body));

        // Either of the two is a refusal: of the whole, or of the command.
        if (answer.IsSuccessStatusCode)
        {
            Assert.Single((await answer.JsonAsync()).GetProperty("failed").EnumerateArray());
        }
        else
        {
            await answer.ProblemAsync(400, ErrorCodes.BadRequest);
        }

        Assert.Empty(await phone.PullAsync());
    }

    [Fact]
    public async Task A_row_over_the_limit_is_a_failed_verdict_that_names_the_limit()
    {
        await using var server = await HttpServer.StartAsync(new ServerOptions { Dev = true, Limits = new WireLimits { RowBytesMax = 1000 } });
        var phone = await Walk.BeginAsync(server);

        var answer = await phone.PushAsync(Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}","title":"{{new string('x', 1001)}}"}"""));

        var failed = Assert.Single(answer.GetProperty("failed").EnumerateArray());
        Assert.Equal(ErrorCodes.TooLarge, failed.GetProperty("code").GetString());
        Assert.Contains("1000", failed.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ten_megabytes_of_text_travel_there_and_back()
    {
        var phone = await shared.BeginAsync();
        var text = string.Concat(Enumerable.Repeat("0123456789é🦊 ", 600_000));

        await phone.PushAsync(Samples.CreateNote(1, JsonSerializer.Serialize(new Dictionary<string, string>(StringComparer.Ordinal) { ["id"] = Samples.NoteId, ["title"] = text }, Relaxed)));

        Assert.Equal(text, Assert.Single(await phone.PullAsync()).GetProperty("row").GetProperty("title").GetString());
    }

    [Fact]
    public async Task More_commands_than_the_limit_are_refused_whole()
    {
        await using var server = await HttpServer.StartAsync(new ServerOptions { Dev = true, Limits = new WireLimits { CommandsMax = 2 } });
        var phone = await Walk.BeginAsync(server);
        string Id(int i) => $"018f0000-0000-7000-a000-{i:x12}";
        string Commands(int count) => string.Join(',', Enumerable.Range(1, count).Select(i => Samples.CreateNote(i, $$"""{"id":"{{Id(i)}}"}""", Id(i))));

        using var over = await phone.Client.PostAsync("/sync/push", Samples.Push(1, Commands(3)));
        var fits = await phone.PostAsync("/sync/push", Samples.Push(2, Commands(2)));

        var problem = await over.ProblemAsync(413, ErrorCodes.TooLarge);
        Assert.Contains("2", problem.Detail, StringComparison.Ordinal);
        Assert.Equal(2, fits.GetProperty("successful").GetArrayLength());
    }

    private static JsonSerializerOptions Relaxed { get; } = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
