using System.Net;
using Tidemark.Client.Coordination;
using Tidemark.Client.Coordination.Pacing;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Tests.Support;
using Tidemark.Testing.Server;

namespace Tidemark.Client.Tests.Runs;

/// <summary>A server that asks for a pause gets it.</summary>
public sealed class RetryAfterTests
{
    private const string ServerNow = "Sat, 21 Nov 2026 08:00:00 GMT";

    [Theory]
    [InlineData("0", 0)]
    [InlineData("1", 1)]
    [InlineData("120", 120)]
    [InlineData("3600", 3600)]
    [InlineData("3601", 3600)]
    [InlineData("99999999999", 3600)]
    [InlineData("99999999999999999999999", 3600)]
    [InlineData("Sat, 21 Nov 2026 08:00:30 GMT", 30)]
    [InlineData("Saturday, 21-Nov-26 08:00:30 GMT", 30)]
    [InlineData("Sat Nov 21 08:00:30 2026", 30)]
    [InlineData("Mon, 21 Dec 2026 08:00:00 GMT", 3600)]
    [InlineData("Sat, 21 Nov 2026 07:59:59 GMT", null)]
    [InlineData(ServerNow, null)]
    [InlineData("-5", null)]
    [InlineData("1.5", null)]
    [InlineData("12-31", null)]
    [InlineData("soon", null)]
    [InlineData("", null)]
    [InlineData("NaN", null)]
    [Trait("req", "RUN-10")]
    public void The_wish_is_seconds_or_a_date_by_the_servers_clock_and_nonsense_is_none(string header, int? seconds)
    {
        using var answer = TooMany(header);
        var trouble = HttpTrouble.Of(new Uri("http://server/"), answer, []);
        Assert.Equal(SyncErrorCode.RateLimited, trouble.Code);
        Assert.Equal(seconds, (int?)trouble.RetryAfter?.TotalSeconds);
    }

    [Theory]
    [InlineData(5, 5000L)]
    [InlineData(3_600_000, long.MaxValue)]
    [Trait("req", "RUN-10")]
    public void The_problems_own_wish_counts_when_there_is_no_header(int milliseconds, long asked)
    {
        using var answer = new HttpResponseMessage(HttpStatusCode.ServiceUnavailable) { Content = new StringContent("x", null, "application/problem+json") };
        var body = System.Text.Encoding.UTF8.GetBytes($$"""{"title":"t","status":503,"code":"UNAVAILABLE","retryable":true,"retryAfterMs":{{asked}}}""");
        Assert.Equal(milliseconds == 5 ? 5000 : milliseconds, HttpTrouble.Of(new Uri("http://server/"), answer, body).RetryAfter?.TotalMilliseconds);
    }

    [Fact]
    [Trait("req", "RUN-10")]
    public async Task Until_the_pause_is_over_no_run_sends_anything_and_then_the_next_one_goes_on()
    {
        await using var world = await World.StartAsync();
        var device = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'kept', NULL, NULL);");
        var time = new ManualTime { Now = TimeProvider.System.GetUtcNow() };
        device.Clock = time;
        device.Connect(world);
        var isBusy = true;
        device.Network.Answer = path => isBusy && path.EndsWith("/push", StringComparison.Ordinal) ? TooMany("120") : null;

        var refused = await device.TrySyncAsync();
        Assert.Equal(SyncErrorCode.RateLimited, refused.Error?.Code);
        Assert.Equal("/sync/push", device.Network.Requests[^1]); // no pull behind it
        var requests = device.Network.Requests.Count;
        isBusy = false;
        foreach (var mode in new[] { SyncMode.Full, SyncMode.PullOnly, SyncMode.PushOnly })
        {
            time.Advance(TimeSpan.FromSeconds(39));
            var early = await device.TrySyncAsync(mode);
            Assert.Equal((SyncOutcome.Failed, SyncErrorCode.RateLimited, true), (early.Outcome, early.Error!.Code, early.Error.Retryable));
            Assert.Equal(1, early.Pending);
        }

        Assert.Equal(TimeSpan.FromSeconds(3), (await device.TrySyncAsync()).Error!.RetryAfter);
        Assert.Equal(requests, device.Network.Requests.Count);
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(1, (await device.SyncAsync()).Push.Accepted);
        device.AssertQuiet();
    }

    [Fact]
    [Trait("req", "RUN-10")]
    public async Task Who_repeats_runs_waits_at_least_as_long_as_asked_and_else_by_a_growing_backoff_with_full_jitter()
    {
        await using var world = await World.StartAsync();
        var device = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', 'kept', NULL, NULL);");
        var time = new ManualTime { Now = TimeProvider.System.GetUtcNow() };
        device.Clock = time;
        device.Connect(world);
        device.Options.Backoff = new Backoff { FirstDelayMs = 1000, DelayMaxMs = 60_000 };
        var state = new SyncCoordinationState(device.Store, device.Environment, device.Options);
        var answers = new Queue<string?>(["30", "soon", "45", null, "1.5", "0", "99999999999"]);
        device.Network.Answer = path => path.EndsWith("/push", StringComparison.Ordinal) && answers.TryDequeue(out var wish) ? TooMany(wish) : null;
        var waited = new List<double>();
        while (answers.Count > 0)
        {
            var report = await device.TrySyncAsync();
            Assert.Empty(report.Warnings);
            waited.Add(state.Backoff().Left.TotalSeconds);
            time.Advance(TimeSpan.FromSeconds(waited[^1]));
        }

        var pushes = device.Network.Requests.Count(r => r.EndsWith("/push", StringComparison.Ordinal));
        Assert.Equal(7, pushes); // none was turned away by a pause that was not over
        var asked = new[] { 30, 0, 45, 0, 0, 0, 3600 };
        for (var i = 0; i < asked.Length; i++)
        {
            Assert.InRange(waited[i], asked[i], asked[i] + Math.Min(60, Math.Pow(2, i)));
        }

        await device.SyncAsync();
        Assert.Equal(TimeSpan.Zero, state.Backoff().Left);
        device.AssertQuiet();
    }

    private static HttpResponseMessage TooMany(string? retryAfter)
    {
        var answer = new HttpResponseMessage(HttpStatusCode.TooManyRequests);
        answer.Headers.TryAddWithoutValidation("Date", ServerNow);
        if (retryAfter is not null)
        {
            answer.Headers.TryAddWithoutValidation("Retry-After", retryAfter);
        }

        return answer;
    }
}
