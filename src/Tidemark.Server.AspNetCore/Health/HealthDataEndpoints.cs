using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Bodies;
using Tidemark.Server.AspNetCore.Endpoints;
using Tidemark.Server.AspNetCore.OpenApi;
using Tidemark.Server.AspNetCore.Problems;
using Tidemark.Server.Health;

namespace Tidemark.Server.AspNetCore.Health;

/// <summary>Health data: a batch in, samples and what is derived from them out.</summary>
internal static class HealthDataEndpoints
{
    private static readonly DateTimeOffset Earliest = DateTimeOffset.UnixEpoch.AddYears(-70);
    private static readonly DateTimeOffset Latest = DateTimeOffset.UnixEpoch.AddYears(200);

    public static void Map(RouteGroupBuilder group)
    {
        group.MapPost("/health/samples:batchUpsert", UpsertAsync).Describe(HealthOperations.Upsert).Takes<HealthBatchShape>().Produces<HealthBatchResponse>();
        group.MapGet("/health/samples", SamplesAsync).Describe(HealthOperations.Samples).Produces<HealthPage>();
        group.MapGet("/health/aggregates", AggregatesAsync).Describe(HealthOperations.Aggregates).Produces<HealthAggregates>();
        group.MapGet("/health/digests", DigestsAsync).Describe(HealthOperations.Digests).Produces<HealthDigests>();
        group.MapGet("/health/completeness", CompletenessAsync).Describe(HealthOperations.Completeness).Produces<HealthCompleteness>();
    }

    private static async Task<IResult> UpsertAsync(HttpContext http, HealthServer server, ServerOptions options, CancellationToken cancellationToken)
    {
        var caller = Callers.WithLease(http);
        using var body = await RequestBody.ReadAsync(http.Request, options.Limits.RequestBytesMax, cancellationToken).ConfigureAwait(false);
        return Answer.Of(await server.UpsertAsync(caller, body.Written, cancellationToken).ConfigureAwait(false), HealthJson.Default.HealthBatchResponse);
    }

    private static async Task<IResult> SamplesAsync(HttpContext http, HealthServer server, CancellationToken cancellationToken)
    {
        var query = http.Request.Query;
        var limit = One(query, "limit") is { } text ? Number(text) : (int?)null;
        return new Answer(await server.GetSamplesAsync(Callers.Of(http.User), QueryOf(query), One(query, "after"), limit, cancellationToken).ConfigureAwait(false));
    }

    private static async Task<IResult> AggregatesAsync(HttpContext http, HealthServer server, CancellationToken cancellationToken)
    {
        var query = http.Request.Query;
        var sources = query["sources"].SelectMany(s => (s ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).ToArray();
        var aggregates = await server.GetAggregatesAsync(Callers.Of(http.User), QueryOf(query), One(query, "zone"), sources, cancellationToken).ConfigureAwait(false);
        return Answer.Of(aggregates, HealthJson.Default.HealthAggregates);
    }

    private static async Task<IResult> DigestsAsync(HttpContext http, HealthServer server, CancellationToken cancellationToken) =>
        Answer.Of(await server.GetDigestsAsync(Callers.Of(http.User), QueryOf(http.Request.Query), cancellationToken).ConfigureAwait(false), HealthJson.Default.HealthDigests);

    private static async Task<IResult> CompletenessAsync(HttpContext http, HealthServer server, CancellationToken cancellationToken) =>
        Answer.Of(await server.GetCompletenessAsync(Callers.Of(http.User), cancellationToken).ConfigureAwait(false), HealthJson.Default.HealthCompleteness);

    private static HealthQuery QueryOf(IQueryCollection query)
    {
        var type = One(query, "type") ?? throw new RequestException(ErrorCodes.BadRequest, "type is missing: say which, such as HeartRate.");
        var (from, to) = (Time(query, "from") ?? Earliest, Time(query, "to") ?? Latest);
        return from < to
            ? new HealthQuery(type, from.ToUnixTimeMilliseconds(), to.ToUnixTimeMilliseconds())
            : throw new RequestException(ErrorCodes.BadRequest, "from must be before to.");
    }

    private static DateTimeOffset? Time(IQueryCollection query, string name)
    {
        if (One(query, name) is not { } text)
        {
            return null;
        }

        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
            ? time
            : throw new RequestException(ErrorCodes.BadRequest, $"{name} must be a time in ISO 8601, such as 2026-01-31 or 2026-01-31T12:00:00Z.");
    }

    private static int Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw new RequestException(ErrorCodes.BadRequest, "limit must be a whole number.");

    private static string? One(IQueryCollection query, string name)
    {
        var values = query[name];
        return values.Count > 1
            ? throw new RequestException(ErrorCodes.BadRequest, $"{name} stands in the query more than once.")
            : string.IsNullOrEmpty(values) ? null : values.ToString();
    }
}
