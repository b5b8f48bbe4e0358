using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Tidemark.Model.Health;
using Tidemark.Server;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.Sqlite;
using Tidemark.Server.Sqlite.Health;

namespace Tidemark.Health.Tests.Server;

/// <summary>A real server on loopback.</summary>
[Trait("req", "HLT-06")]
public sealed class HealthHttpTests : IAsyncLifetime
{
    private readonly TempFolder _folder = new();
    private readonly List<HttpClient> _clients = [];
    private WebApplication _app = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _app = TidemarkHost.Create(new TidemarkHostOptions
        {
            Urls = ["http://127.0.0.1:0"],
            DataDirectory = _folder.Path,
            Store = SqliteServerStore.Open(_folder.File("server.db"), ServerEnvironment.System),
            Health = SqliteHealthStore.Open(_folder.File("health.db")),
            Environment = ServerEnvironment.System,
            Server = new ServerOptions { Dev = true },
            Configure = b => b.Logging.ClearProviders(),
        });
        await _app.StartAsync(Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(c => c.Dispose());
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Each_sample_has_its_own_verdict_and_a_bad_one_refuses_no_other()
    {
        var answer = await UpsertAsync("ann", $$"""
            {"deviceId":"a","syncOperationId":"x","future":1,"samples":[{{Steps(1, 10)}},{{Steps(2, 20).Replace("\"unit\":\"count\",", "", StringComparison.Ordinal)}},{"id":"{{Id(3)}}"},{{Steps(4, 40)}},{{Steps(4, 40)}},7],"deletes":[{"id":"{{Id(9)}}","type":"StepCount","version":0},{"id":"no"}]}
            """);
        Assert.Equal(
            [HealthVerdict.Applied, HealthVerdict.Rejected, HealthVerdict.Rejected, HealthVerdict.Applied, HealthVerdict.Duplicate, HealthVerdict.Rejected, HealthVerdict.Applied, HealthVerdict.Rejected],
            answer.Verdicts);
        Assert.Equal([1, 2, 5, 7], answer.Rejected.Select(r => r.Index).Order());
        Assert.Equal(Id(3), answer.Rejected.Single(r => r.Index == 2).Id);
        Assert.All(answer.Rejected, r => Assert.Equal("VALIDATION_FAILED", r.Code));
        Assert.Equal("x", answer.SyncOperationId);
    }

    [Fact]
    public async Task A_sample_is_stored_once_whoever_sends_it_and_the_higher_version_wins()
    {
        Assert.Equal([HealthVerdict.Applied], await VerdictsAsync("a", Steps(1, 10)));
        Assert.Equal([HealthVerdict.Duplicate], await VerdictsAsync("b", Steps(1, 10)));
        Assert.Equal([HealthVerdict.Applied], await VerdictsAsync("b", Steps(1, 15, 2)));
        Assert.Equal([HealthVerdict.Stale], await VerdictsAsync("a", Steps(1, 12, 1)));
        var page = await GetAsync("ann", "health/samples?type=StepCount");
        var sample = Assert.Single(page.GetProperty("samples").EnumerateArray());
        Assert.Equal((15, 2), (sample.GetProperty("value").GetDouble(), sample.GetProperty("version").GetInt32()));
    }

    [Fact]
    public async Task Deleted_stays_deleted_until_a_higher_version_comes_also_when_the_deletion_came_first()
    {
        var delete = $$"""{"deviceId":"a","deletes":[{"id":"{{Id(1)}}","type":"StepCount","version":0}]}""";
        Assert.Equal([HealthVerdict.Applied], (await UpsertAsync("ann", delete)).Verdicts);
        Assert.Equal([HealthVerdict.Duplicate], (await UpsertAsync("ann", delete)).Verdicts);
        Assert.Equal([HealthVerdict.Stale], await VerdictsAsync("b", Steps(1, 10)));
        Assert.Empty((await GetAsync("ann", "health/samples?type=StepCount")).GetProperty("samples").EnumerateArray());
        Assert.Equal([HealthVerdict.Applied], await VerdictsAsync("b", Steps(1, 10, 1)));
        Assert.Equal([HealthVerdict.Stale], (await UpsertAsync("ann", delete)).Verdicts);
        Assert.Single((await GetAsync("ann", "health/samples?type=StepCount")).GetProperty("samples").EnumerateArray());
    }

    [Fact]
    public async Task Nobody_reads_or_writes_the_samples_of_somebody_else()
    {
        await VerdictsAsync("a", Steps(1, 10));
        Assert.Empty((await GetAsync("bob", "health/samples?type=StepCount")).GetProperty("samples").EnumerateArray());
        Assert.Empty((await GetAsync("bob", "health/completeness")).GetProperty("types").EnumerateArray());
        Assert.Equal([HealthVerdict.Applied], (await UpsertAsync("bob", Batch(Steps(1, 11)))).Verdicts);
        Assert.Equal(10, (await GetAsync("ann", "health/samples?type=StepCount")).GetProperty("samples")[0].GetProperty("value").GetDouble());
        using var nobody = new HttpClient { BaseAddress = new Uri(_app.Urls.First()) };
        Assert.Equal(HttpStatusCode.Unauthorized, (await nobody.GetAsync(new Uri("health/completeness", UriKind.Relative), Cancel)).StatusCode);
    }

    [Fact]
    public async Task Pages_follow_each_other_and_end()
    {
        await UpsertAsync("ann", Batch([.. Enumerable.Range(0, 25).Select(i => Steps(i, i))]));
        var (seen, next) = (new List<double>(), "");
        do
        {
            var page = await GetAsync("ann", "health/samples?type=StepCount&limit=10" + next);
            seen.AddRange(page.GetProperty("samples").EnumerateArray().Select(s => s.GetProperty("value").GetDouble()));
            next = page.TryGetProperty("next", out var place) ? "&after=" + place.GetString() : "";
        }
        while (next.Length > 0);
        Assert.Equal(Enumerable.Range(0, 25).Select(i => (double)i), seen);
    }

    [Fact]
    public async Task Digests_and_completeness_say_what_is_there()
    {
        await UpsertAsync("ann", Batch(Steps(0, 1), Steps(1, 2), Steps(2000, 3)));
        var type = Assert.Single((await GetAsync("ann", "health/completeness")).GetProperty("types").EnumerateArray());
        Assert.Equal(("StepCount", 3, 0), (type.GetProperty("type").GetString(), type.GetProperty("samples").GetInt32(), type.GetProperty("deleted").GetInt32()));
        var days = (await GetAsync("ann", "health/digests?type=StepCount")).GetProperty("days");
        Assert.Equal([2, 1], days.EnumerateArray().Select(d => d.GetProperty("samples").GetInt32()));
        var expected = default(Tidemark.Model.Values.SetDigest);
        HealthDigest.Add(ref expected, Id(2000), 0);
        Assert.Equal(expected.ToString(), days[1].GetProperty("digest").GetString());
    }

    [Theory]
    [InlineData("health/samples", "type is missing")]
    [InlineData("health/samples?type=a&from=yesterday", "from must be")]
    [InlineData("health/samples?type=a&from=2026-01-02&to=2026-01-01", "before to")]
    [InlineData("health/samples?type=a&after=x", "no place")]
    [InlineData("health/aggregates?type=a&from=2026-01-01&to=2026-01-02&zone=Nowhere/Else", "time zone")]
    public async Task What_cannot_be_asked_is_said(string path, string sentence)
    {
        using var response = await Client("ann").GetAsync(new Uri(path, UriKind.Relative), Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains(sentence, await response.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"deviceId\":\"a\",\"samples\":{}}")]
    [InlineData("{\"deviceId\":\"a\",\"samples\":[")]
    [InlineData("{\"deviceId\":5}")]
    public async Task An_envelope_that_is_none_is_refused_whole(string body)
    {
        using var response = await Client("ann").PostAsync(new Uri("health/samples:batchUpsert", UriKind.Relative), new StringContent(body, Encoding.UTF8, "application/json"), Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    private static Guid Id(int number) => new(number, 0, unchecked((short)0x8000), 0x80, 0, 0, 0, 0, 0, 0, 1);

    private static string Steps(int minute, double value, int version = 0) => string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $"{{\"id\":\"{Id(minute)}\",\"version\":{version},\"kind\":\"quantity\",\"type\":\"StepCount\",\"start\":\"{new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddMinutes(minute):yyyy-MM-ddTHH:mm:ssZ}\",\"end\":\"{new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddMinutes(minute + 1):yyyy-MM-ddTHH:mm:ssZ}\",\"value\":{value},\"unit\":\"count\",\"origin\":{{\"source\":\"Watch\"}}}}");

    private static string Batch(params string[] samples) => $"{{\"deviceId\":\"a\",\"samples\":[{string.Join(',', samples)}]}}";

    private async Task<IReadOnlyList<HealthVerdict>> VerdictsAsync(string device, string sample) =>
        (await UpsertAsync("ann", $"{{\"deviceId\":\"{device}\",\"samples\":[{sample}]}}")).Verdicts;

    private async Task<HealthBatchResponse> UpsertAsync(string user, string body)
    {
        using var response = await Client(user).PostAsync(new Uri("health/samples:batchUpsert", UriKind.Relative), new StringContent(body, Encoding.UTF8, "application/json"), Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.True(response.IsSuccessStatusCode, text);
        return JsonSerializer.Deserialize(text, HealthJson.Default.HealthBatchResponse)!;
    }

    private async Task<JsonElement> GetAsync(string user, string path) => JsonDocument.Parse(await Client(user).GetStringAsync(new Uri(path, UriKind.Relative), Cancel)).RootElement;

    private HttpClient Client(string user)
    {
        using var tokens = TidemarkTokens.Open(_folder.Path);
        var client = new HttpClient { BaseAddress = new Uri(_app.Urls.First()) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", tokens.Create(user, TimeSpan.FromHours(1), administrator: false));
        _clients.Add(client);
        return client;
    }
}
