using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Bodies;
using Tidemark.Server.AspNetCore.OpenApi;
using Tidemark.Server.Changes;

namespace Tidemark.Server.AspNetCore.Endpoints;

/// <summary>Model, spaces, push and pull: each reads its message, asks the server, and writes its answer.</summary>
internal static class SyncEndpoints
{
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("/sync/model", GetModelAsync).Describe(WireOperations.GetModel).Produces<ModelInfo>();
        group.MapPut("/sync/model", PutModelAsync).Describe(WireOperations.PutModel).Takes<SyncModel>().Produces<ModelInfo>();
        group.MapPost("/sync/push", PushAsync).Describe(WireOperations.Push).Takes<PushEnvelope>().Produces<PushResponse>();
        group.MapGet("/sync/changes", GetChangesAsync).Describe(WireOperations.GetChanges).Produces<ChangesPageTail>();
        group.MapPost("/sync/changes", PostChangesAsync).Describe(WireOperations.PostChanges).Takes<ChangesRequest>().Produces<ChangesPageTail>();
        group.MapPost("/sync/verdicts", VerdictsAsync).Describe(WireOperations.Verdicts).Takes<VerdictsRequest>().Produces<VerdictsResponse>();
        group.MapPost("/sync/rows", RowsAsync).Describe(WireOperations.Rows).Takes<RowsRequest>().Produces<RowsResponse>();
        group.MapPost("/sync/checksums", ChecksumsAsync).Describe(WireOperations.Checksums).Takes<ChecksumsRequest>().Produces<ChecksumsResponse>();
    }

    private static async Task<IResult> GetModelAsync(HttpContext http, SyncServer server, CancellationToken cancellationToken) =>
        Answer.Of(await server.GetModelAsync(Callers.Of(http.User), cancellationToken).ConfigureAwait(false), WireMessages.Json.ModelInfo);

    private static async Task<IResult> PutModelAsync(HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken)
    {
        var caller = Callers.Of(http.User);
        using var body = await RequestBody.ReadAsync(http.Request, options.Limits.RequestBytesMax, cancellationToken).ConfigureAwait(false);
        return Answer.Of(await server.PutModelAsync(caller, body.Written, cancellationToken).ConfigureAwait(false), WireMessages.Json.ModelInfo);
    }

    private static async Task<IResult> PushAsync(HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken)
    {
        var caller = Callers.WithLease(http);
        using var body = await RequestBody.ReadAsync(http.Request, options.Limits.RequestBytesMax, cancellationToken).ConfigureAwait(false);
        return Answer.Of(await server.PushAsync(caller, body.Written, cancellationToken).ConfigureAwait(false), WireMessages.Json.PushResponse);
    }

    private static async Task<IResult> GetChangesAsync(HttpContext http, SyncServer server, CancellationToken cancellationToken) =>
        Page(await server.WriteChangesAsync(Callers.WithLease(http), ChangesQuery.Read(http.Request.Query), cancellationToken).ConfigureAwait(false));

    private static async Task<IResult> PostChangesAsync(HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken)
    {
        var caller = Callers.WithLease(http);
        var request = await RequestBody.ReadAsync(http.Request, WireMessages.Json.ChangesRequest, options.Limits.RequestBytesMax, cancellationToken).ConfigureAwait(false);
        return Page(await server.WriteChangesAsync(caller, request, cancellationToken).ConfigureAwait(false));
    }

    private static Answer Page(ChangesPageBody page) => new(page.Utf8, page);

    private static Task<IResult> VerdictsAsync(HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken) =>
        Exchange.AnswerAsync(http, options, WireMessages.Json.VerdictsRequest, WireMessages.Json.VerdictsResponse, server.GetVerdictsAsync, cancellationToken);

    private static Task<IResult> RowsAsync(HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken) =>
        Exchange.AnswerAsync(http, options, WireMessages.Json.RowsRequest, WireMessages.Json.RowsResponse, server.GetRowsAsync, cancellationToken);

    private static Task<IResult> ChecksumsAsync(HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken) =>
        Exchange.AnswerAsync(http, options, WireMessages.Json.ChecksumsRequest, WireMessages.Json.ChecksumsResponse, server.GetChecksumsAsync, cancellationToken);
}
