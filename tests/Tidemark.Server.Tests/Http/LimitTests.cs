using System.Text.Json;
using Tidemark.Model.Protocol;
using Tidemark.Testing;

namespace Tidemark.Server.Tests.Http;

/// <summary>The limits that clients are told are the ones that are kept, on both sides of each bound.</summary>
[Trait("req", "SRV-07")]
public sealed class LimitTests
{
    [Fact]
    public async Task A_type_with_more_fields_than_the_limit_is_not_registered()
    {
        foreach (var (fieldsMax, status) in new[] { (10, 200), (9, 413) })
        {
            await using var server = await HttpServer.StartAsync(Options(new WireLimits { FieldsMax = fieldsMax }));
            using var answer = await server.Client().PutAsync(new Uri("/sync/model", UriKind.Relative), HttpMessages.Json(Samples.Model));
            Assert.Equal(status, (int)answer.StatusCode);
            if (status == 413)
            {
                Assert.Contains("notes has 10 fields", (await answer.ProblemAsync(413, ErrorCodes.RowTooWide)).Detail!, StringComparison.Ordinal);
            }

            var told = await (await server.Client().GetAsync(new Uri("/sync/model", UriKind.Relative))).JsonAsync();
            Assert.Equal(fieldsMax, told.GetProperty("limits").GetProperty("fieldsMax").GetInt32());
        }
    }

    [Fact]
    public async Task A_row_with_more_fields_than_a_limit_that_was_lowered_fails_alone()
    {
        using var folder = new TempFolder();
        await using (var first = await HttpServer.StartAsync(shared: folder))
        {
            await (await first.Client().PutAsync(new Uri("/sync/model", UriKind.Relative), HttpMessages.Json(Samples.Model))).JsonAsync();
        }

        await using var server = await HttpServer.StartAsync(Options(new WireLimits { FieldsMax = 2 }), shared: folder);
        var answer = await PushAsync(server, $$"""{"id":"{{Samples.NoteId}}","title":"t","count":1}""", $$"""{"id":"{{Samples.TagId}}","title":"t"}""");
        Assert.Equal(ErrorCodes.RowTooWide, Assert.Single(answer.GetProperty("failed").EnumerateArray()).GetProperty("code").GetString());
        Assert.Equal(1, answer.GetProperty("successful").GetArrayLength());
    }

    [Theory]
    [InlineData(8, 4, 5)]
    [InlineData(20, 16, 17)]
    [InlineData(64, 56, null)]
    public async Task A_value_that_is_nested_deeper_than_the_limit_fails_alone(int depthMax, int fits, int? tooDeep)
    {
        await using var server = await HttpServer.StartAsync(Options(new WireLimits { JsonDepthMax = depthMax }));
        await (await server.Client().PutAsync(new Uri("/sync/model", UriKind.Relative), HttpMessages.Json(Samples.Model))).JsonAsync();
        var answer = await PushAsync(server, Nested(Samples.NoteId, fits), Nested(Samples.TagId, tooDeep ?? 1));
        Assert.Equal(tooDeep is null ? 2 : 1, answer.GetProperty("successful").GetArrayLength());
        if (tooDeep is not null)
        {
            var failed = Assert.Single(answer.GetProperty("failed").EnumerateArray());
            Assert.Equal((ErrorCodes.RowTooWide, false), (failed.GetProperty("code").GetString(), failed.GetProperty("retryable").GetBoolean()));
            Assert.Contains("jsonDepthMax", failed.GetProperty("message").GetString()!, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(1001, 64)]
    [InlineData(1000, 65)]
    [InlineData(1000, 7)]
    public void A_limit_the_code_cannot_keep_is_refused_at_the_start(int fieldsMax, int depthMax)
    {
        var options = new ServerOptions { Limits = new WireLimits { FieldsMax = fieldsMax, JsonDepthMax = depthMax } };
        Assert.Contains("FieldsMax", Assert.Throws<InvalidOperationException>(options.Validate).Message, StringComparison.Ordinal);
    }

    private static ServerOptions Options(WireLimits limits) => new() { Dev = true, Limits = limits };

    // "details" holds so many arrays in each other; the row itself is one level, the command another.
    private static string Nested(string id, int levels) => $$"""{"id":"{{id}}","details":{{new string('[', levels)}}{{new string(']', levels)}}}""";

    private static async Task<JsonElement> PushAsync(HttpServer server, string first, string second)
    {
        using var answer = await server.Client().PostAsync("/sync/push", Samples.Push(1, Samples.CreateNote(1, first) + "," + Samples.CreateNote(2, second, Samples.TagId)));
        return await answer.JsonAsync();
    }
}
