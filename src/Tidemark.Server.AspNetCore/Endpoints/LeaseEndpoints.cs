using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Bodies;
using Tidemark.Server.AspNetCore.OpenApi;

namespace Tidemark.Server.AspNetCore.Endpoints;

/// <summary>Admission for bulk work.</summary>
internal static class LeaseEndpoints
{
    public static void Map(RouteGroupBuilder group)
    {
        group.MapPost("/sync/lease", AskAsync).Describe(WireOperations.AskLease).Takes<LeaseRequest>().Produces<LeaseResponse>();
        group.MapPut("/sync/lease/{id}", RenewAsync).Describe(WireOperations.RenewLease).Takes<LeaseRenewal>().Produces<LeaseResponse>();
        group.MapDelete("/sync/lease/{id}", ReleaseAsync).Describe(WireOperations.ReleaseLease).Produces<LeaseReleased>();
    }

    private static async Task<IResult> AskAsync(HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken)
    {
        var caller = Callers.Of(http.User);
        var request = await RequestBody.ReadAsync(http.Request, WireMessages.Json.LeaseRequest, options.Limits.RequestBytesMax, cancellationToken).ConfigureAwait(false);
        return Answer.Of(await server.AskLeaseAsync(caller, request, cancellationToken).ConfigureAwait(false), WireMessages.Json.LeaseResponse);
    }

    private static async Task<IResult> RenewAsync(string id, HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken)
    {
        var caller = Callers.Of(http.User);
        _ = await RequestBody.ReadAsync(http.Request, WireMessages.Json.LeaseRenewal, options.Limits.RequestBytesMax, cancellationToken).ConfigureAwait(false);
        return Answer.Of(await server.RenewLeaseAsync(caller, id, cancellationToken).ConfigureAwait(false), WireMessages.Json.LeaseResponse);
    }

    private static async Task<IResult> ReleaseAsync(string id, HttpContext http, SyncServer server, CancellationToken cancellationToken) =>
        Answer.Of(await server.ReleaseLeaseAsync(Callers.Of(http.User), id, cancellationToken).ConfigureAwait(false), WireMessages.Json.LeaseReleased);
}
