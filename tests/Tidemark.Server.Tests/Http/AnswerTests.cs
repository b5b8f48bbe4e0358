using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Tidemark.Model.Protocol;

namespace Tidemark.Server.Tests.Http;

public sealed class AnswerTests
{
    [Fact]
    [Trait("req", "SRV-07")]
    public async Task Trouble_of_the_store_is_said_with_the_time_to_wait()
    {
        var trouble = new Problem { Code = ErrorCodes.Unavailable, Status = 503, Detail = "The database is busy.", Retryable = true, RetryAfterMs = 1500 };
        await using var server = await HttpServer.StartAsync(store: _ => new FaultyStore(() => new ServerException(trouble)));
        var client = server.Client();

        foreach (var path in new[] { "/sync/model", "/health/ready" })
        {
            using var answer = await client.GetAsync(new Uri(path, UriKind.Relative));
            var problem = await answer.ProblemAsync(503, ErrorCodes.Unavailable);
            Assert.True(problem.Retryable);
            Assert.Equal(1500, problem.RetryAfterMs);
            Assert.Equal(TimeSpan.FromSeconds(2), answer.Headers.RetryAfter!.Delta);
        }

        using var live = await client.GetAsync(new Uri("/health/live", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, live.StatusCode);
    }

    [Fact]
    [Trait("req", "SRV-07")]
    public async Task What_nobody_expected_is_logged_once_and_told_without_its_details()
    {
        await using var server = await HttpServer.StartAsync(store: _ => new FaultyStore(() => new InvalidOperationException("the inner detail")));

        using var answer = await server.Client("some-user").GetAsync(new Uri("/sync/model?secret=of-the-user", UriKind.Relative));

        var text = await answer.Content.ReadAsStringAsync();
        var problem = await answer.ProblemAsync(500, ErrorCodes.Unavailable);
        Assert.True(problem.Retryable);
        Assert.DoesNotContain("inner detail", text, StringComparison.Ordinal);
        var errors = server.Log.All.Where(l => l.Level >= LogLevel.Warning).ToList();
        Assert.Contains("the inner detail", Assert.Single(errors, l => l.Level == LogLevel.Error).Text, StringComparison.Ordinal);
        Assert.DoesNotContain(errors, l => l.Text.Contains("of-the-user", StringComparison.Ordinal) || l.Text.Contains("some-user", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("req", "SRV-07")]
    public async Task Unknown_paths_and_methods_are_problems_too()
    {
        await using var server = await HttpServer.StartAsync();
        var client = server.Client();

        using var path = await client.GetAsync(new Uri("/sync/nothing", UriKind.Relative));
        using var method = await client.DeleteAsync(new Uri("/sync/push", UriKind.Relative));

        await path.ProblemAsync(404, ErrorCodes.BadRequest);
        await method.ProblemAsync(405, ErrorCodes.BadRequest);
    }

    [Fact]
    [Trait("req", "SRV-07")]
    public async Task Answers_are_not_kept_not_guessed_and_do_not_name_their_server()
    {
        await using var server = await HttpServer.StartAsync();
        var client = server.Client();
        foreach (var path in new[] { "/sync/model", "/spaces", "/health/live", "/openapi/v1.json", "/nothing" })
        {
            using var answer = await client.GetAsync(new Uri(path, UriKind.Relative));
            Assert.True(answer.Headers.CacheControl?.NoStore, path);
            Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.False(answer.Headers.Contains("Server"));
        }
    }

    [Theory]
    [InlineData("gzip", "gzip")]
    [InlineData("br", "br")]
    [InlineData("gzip, br", "br")]
    [InlineData("gzip;q=1, br;q=0.5", "gzip")]
    [InlineData("br;q=0, gzip", "gzip")]
    [InlineData("*", "br")]
    [InlineData("deflate", null)]
    [InlineData("identity", null)]
    [InlineData("gzip;q=0, br;q=0", null)]
    [InlineData("", null)]
    [InlineData(";;,,=", null)]
    [Trait("req", "SRV-01")]
    public async Task Large_answers_are_compressed_with_what_the_client_reads(string acceptEncoding, string? wanted)
    {
        await using var server = await HttpServer.StartAsync();
        var phone = await Walk.BeginAsync(server);
        var text = new string('x', 5000);
        await phone.PushAsync(Samples.CreateNote(1, $$"""{"id":"{{Samples.NoteId}}","title":"{{text}}"}"""));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/sync/changes");
        request.Headers.TryAddWithoutValidation("Accept-Encoding", acceptEncoding);

        using var answer = await phone.Client.SendAsync(request);

        Assert.Equal(wanted, answer.Content.Headers.ContentEncoding.SingleOrDefault());
        Assert.Contains("Accept-Encoding", answer.Headers.Vary);
        await using var body = await answer.Content.ReadAsStreamAsync();
        await using Stream plain = wanted switch
        {
            "gzip" => new GZipStream(body, CompressionMode.Decompress),
            "br" => new BrotliStream(body, CompressionMode.Decompress),
            _ => body,
        };
        using var document = await JsonDocument.ParseAsync(plain);
        Assert.Equal(text, document.RootElement.GetProperty("changes")[0].GetProperty("row").GetProperty("title").GetString());
    }

    [Fact]
    [Trait("req", "SRV-01")]
    public async Task Small_answers_are_not_compressed()
    {
        await using var server = await HttpServer.StartAsync();
        var client = server.Client();
        client.DefaultRequestHeaders.AcceptEncoding.Add(new StringWithQualityHeaderValue("gzip"));

        using var answer = await client.GetAsync(new Uri("/spaces", UriKind.Relative));

        Assert.Empty(answer.Content.Headers.ContentEncoding);
        Assert.NotNull(answer.Content.Headers.ContentLength);
    }
}
