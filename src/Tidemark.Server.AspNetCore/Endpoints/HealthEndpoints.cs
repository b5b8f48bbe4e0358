using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.AspNetCore.Bodies;
using Tidemark.Server.AspNetCore.Hosting;
using Tidemark.Server.AspNetCore.OpenApi;
using Tidemark.Server.AspNetCore.Problems;
using Tidemark.Server.Storage;

namespace Tidemark.Server.AspNetCore.Endpoints;

/// <summary>For whoever runs the server; nobody has to be signed in.</summary>
internal static class HealthEndpoints
{
    private static readonly byte[] Ok = "{\"status\":\"ok\"}"u8.ToArray();
    private static readonly SpaceId Nobody = new("ready");

    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("/health/live", Live).Describe(WireOperations.Live, anonymous: true).Produces<HealthShape>();
        group.MapGet("/health/ready", ReadyAsync).Describe(WireOperations.Ready, anonymous: true).Produces<HealthShape>();
    }

    private static Answer Live() => new(Ok);

    private static async Task<IResult> ReadyAsync(IServerStore store, Drain drain, CancellationToken cancellationToken)
    {
        if (drain.HasBegun)
        {
            throw new RequestException(ErrorCodes.Unavailable, "The server is shutting down.");
        }

        // A real read: of a space that nobody has, so that nobody's rows are in the way.
        var snapshot = await store.ReadAsync(Nobody, cancellationToken).ConfigureAwait(false);
        await snapshot.DisposeAsync().ConfigureAwait(false);
        return new Answer(Ok);
    }
}
