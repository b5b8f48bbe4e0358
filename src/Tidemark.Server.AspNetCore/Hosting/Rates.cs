using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Endpoints;
using Tidemark.Server.AspNetCore.Problems;

namespace Tidemark.Server.AspNetCore.Hosting;

/// <summary>Requests of one user and of one address to this node. What matters across nodes is counted in the database (<see cref="Access.AccessOptions"/>).</summary>
internal static class Rates
{
    private const long RetryAfterMsMin = 1000;

    public static void Set(RateLimiterOptions options, int userMax, int addressMax)
    {
        options.GlobalLimiter = PartitionedRateLimiter.CreateChained(
            PartitionedRateLimiter.Create<HttpContext, string>(http => Of("user", IsFree(http) ? null : Callers.NameOf(http.User), userMax)),
            PartitionedRateLimiter.Create<HttpContext, string>(http => Of("address", IsFree(http) ? null : http.Connection.RemoteIpAddress?.ToString(), addressMax)));
        options.OnRejected = RejectAsync;
    }

    // Whoever asks whether the server is well is not to be told that it is busy.
    private static bool IsFree(HttpContext http) => http.Request.Path.Value is "/health/live" or "/health/ready";

    private static RateLimitPartition<string> Of(string kind, string? whose, int perMinute) => whose is null || perMinute == 0
        ? RateLimitPartition.GetNoLimiter("")
        : RateLimitPartition.GetTokenBucketLimiter(kind + ":" + whose, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = perMinute,
            ReplenishmentPeriod = TimeSpan.FromMinutes(1.0 / Math.Min(perMinute, 60)),
            TokensPerPeriod = Math.Max(1, perMinute / 60),
            QueueLimit = 0,
        });

    private static async ValueTask RejectAsync(OnRejectedContext context, CancellationToken cancellationToken)
    {
        var wait = context.Lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? (long)after.TotalMilliseconds : 0;
        var problem = ProblemAnswer.Of(ErrorCodes.RateLimited, "More requests came in a minute than this server takes from one user or address.")
            with { RetryAfterMs = Math.Max(wait, RetryAfterMsMin) };
        await ProblemAnswer.WriteAsync(context.HttpContext.Response, problem, cancellationToken).ConfigureAwait(false);
    }
}
