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

    private static Task<IResult> AskAsync(HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken) =>
        Exchange.AnswerAsync(http, options, WireMessages.Json.LeaseRequest, WireMessages.Json.LeaseResponse, server.AskLeaseAsync, cancellationToken);

    private static Task<IResult> RenewAsync(string id, HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken) =>
        Exchange.AnswerAsync(http, options, WireMessages.Json.LeaseRenewal, WireMessages.Json.LeaseResponse, (caller, _, token) => server.RenewLeaseAsync(caller, id, token), cancellationToken);

    private static async Task<IResult> ReleaseAsync(string id, HttpContext http, SyncServer server, CancellationToken cancellationToken) =>
        Answer.Of(await server.ReleaseLeaseAsync(Callers.Of(http.User), id, cancellationToken).ConfigureAwait(false), WireMessages.Json.LeaseReleased);
}
