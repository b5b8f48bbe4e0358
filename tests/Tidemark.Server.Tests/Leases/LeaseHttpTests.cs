using System.Text.Json;
using Tidemark.Model.Protocol;
using Tidemark.Server.Leases;
using Tidemark.Server.Tests.Http;

namespace Tidemark.Server.Tests.Leases;

/// <summary>Leases on the wire.</summary>
[Trait("req", "RUN-04")]
[Trait("req", "SRV-08")]
public sealed class LeaseHttpTests
{
    private static readonly ServerOptions Options = new() { Dev = true, Leases = new LeaseOptions { Commands = 1, Rows = 100, LeasesMax = 1, RetryMinMs = 1500 } };

    [Fact]
    public async Task A_lease_is_asked_for_renewed_and_released()
    {
        await using var server = await HttpServer.StartAsync(Options);
        var ann = server.Client();
        var lease = await AskAsync(ann, "d1");
        Assert.Equal(60_000, lease.GetProperty("expiresInMs").GetInt64());
        var id = lease.GetProperty("leaseId").GetString()!;
        Assert.Equal(id, (await AskAsync(ann, "d1")).GetProperty("leaseId").GetString());
        using var renewed = await ann.PutAsync(new Uri("/sync/lease/" + id, UriKind.Relative), HttpMessages.Json("{}"));
        Assert.Equal(id, (await renewed.JsonAsync()).GetProperty("leaseId").GetString());
        using var denied = await server.Client("ben").PostAsync("/sync/lease", """{"deviceId":"d"}""");
        var problem = await denied.ProblemAsync(429, ErrorCodes.LeaseDenied);
        Assert.Equal(1500, problem.RetryAfterMs);
        Assert.Equal(2, denied.Headers.RetryAfter!.Delta!.Value.TotalSeconds);
        using var foreign = await server.Client("ben").DeleteAsync(new Uri("/sync/lease/" + id, UriKind.Relative));
        Assert.False((await foreign.JsonAsync()).GetProperty("released").GetBoolean());
        using var released = await ann.DeleteAsync(new Uri("/sync/lease/" + id, UriKind.Relative));
        Assert.True((await released.JsonAsync()).GetProperty("released").GetBoolean());
        using var lost = await ann.PutAsync(new Uri("/sync/lease/" + id, UriKind.Relative), HttpMessages.Json("{}"));
        Assert.True((await lost.ProblemAsync(409, ErrorCodes.LeaseLost)).Retryable);
        await AskAsync(server.Client("ben"), "d");
    }

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"deviceId":""}""")]
    [InlineData("""{"deviceId":"a b"}""")]
    public async Task A_request_without_a_proper_device_is_refused(string body)
    {
        await using var server = await HttpServer.StartAsync(Options);
        using var answer = await server.Client().PostAsync("/sync/lease", body);
        await answer.ProblemAsync(400, ErrorCodes.BadRequest);
    }

    [Fact]
    public async Task A_large_page_needs_a_lease_a_small_one_does_not_and_a_lost_one_is_refused()
    {
        await using var server = await HttpServer.StartAsync(Options);
        var ann = (await Walk.BeginAsync(server)).Client;
        using (var model = await ann.GetAsync(new Uri("/sync/model", UriKind.Relative)))
        {
            var limits = (await model.JsonAsync()).GetProperty("limits");
            Assert.Equal((1, 100), (limits.GetProperty("leaseCommands").GetInt32(), limits.GetProperty("leaseRows").GetInt32()));
        }

        using (var small = await ann.GetAsync(new Uri("/sync/changes?limit=100", UriKind.Relative)))
        {
            await small.JsonAsync();
        }

        using (var large = await ann.GetAsync(new Uri("/sync/changes?limit=101", UriKind.Relative)))
        {
            Assert.Equal(1500, (await large.ProblemAsync(429, ErrorCodes.LeaseDenied)).RetryAfterMs);
        }

        var id = (await AskAsync(ann, "d1")).GetProperty("leaseId").GetString()!;
        ann.DefaultRequestHeaders.Add("Tidemark-Lease", id);
        using (var large = await ann.GetAsync(new Uri("/sync/changes?limit=101", UriKind.Relative)))
        {
            await large.JsonAsync();
        }

        using (var released = await ann.DeleteAsync(new Uri("/sync/lease/" + id, UriKind.Relative)))
        {
            await released.JsonAsync();
        }

        // Also small work: whoever names a lease believes to hold it.
        using var lost = await ann.GetAsync(new Uri("/sync/changes?limit=1", UriKind.Relative));
        await lost.ProblemAsync(409, ErrorCodes.LeaseLost);
    }

    private static async Task<JsonElement> AskAsync(HttpClient client, string device)
    {
        using var answer = await client.PostAsync("/sync/lease", $$"""{"deviceId":"{{device}}"}""");
        return await answer.JsonAsync();
    }
}
