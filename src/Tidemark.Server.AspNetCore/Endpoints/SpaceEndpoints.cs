using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Bodies;
using Tidemark.Server.AspNetCore.OpenApi;
using Tidemark.Server.AspNetCore.Problems;

namespace Tidemark.Server.AspNetCore.Endpoints;

/// <summary>Shared spaces, their members and invitations. Names of spaces and users stand in bodies and queries: they may have any character.</summary>
internal static class SpaceEndpoints
{
    private const string Space = "space";
    private const string SnapshotType = "application/vnd.sqlite3";

    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("/spaces", ListAsync).Describe(WireOperations.GetSpaces).Produces<IReadOnlyList<SpaceInfo>>();
        group.MapPost("/spaces", MakeAsync).Describe(SpaceOperations.Make).Takes<SpaceRequest>().Produces<SpaceInfo>();
        group.MapGet("/spaces/members", MembersAsync).Describe(SpaceOperations.Members).Produces<SpaceMembers>();
        group.MapPut("/spaces/members", ChangeAsync).Describe(SpaceOperations.ChangeMember).Takes<MemberChange>().Produces<SpaceMembers>();
        group.MapDelete("/spaces/members", RemoveAsync).Describe(SpaceOperations.RemoveMember).Produces<SpaceRemoved>();
        group.MapGet("/spaces/invitations", InvitationsAsync).Describe(SpaceOperations.Invitations).Produces<SpaceInvitations>();
        group.MapPost("/spaces/invitations", InviteAsync).Describe(SpaceOperations.Invite).Takes<InvitationRequest>().Produces<SpaceInvitation>();
        group.MapDelete("/spaces/invitations", UninviteAsync).Describe(SpaceOperations.Uninvite).Produces<SpaceRemoved>();
        group.MapPost("/spaces/join", JoinAsync).Describe(SpaceOperations.Join).Takes<JoinRequest>().Produces<SpaceInfo>();
        group.MapGet("/spaces/snapshot/manifest", ManifestAsync).Describe(SpaceOperations.SnapshotManifest).Produces<SnapshotManifest>();
        group.MapGet("/spaces/snapshot", SnapshotAsync).Describe(SpaceOperations.Snapshot).Produces(StatusCodes.Status200OK, contentType: SnapshotType);
        group.MapGet("/catalog/{name}/manifest", (string name, HttpContext http, SyncServer server, CancellationToken cancellationToken) => ManifestOfAsync(http, server, SpaceNames.CatalogPrefix + name, cancellationToken))
            .Describe(SpaceOperations.CatalogManifest).Produces<SnapshotManifest>();
        group.MapGet("/catalog/{name}/snapshot", (string name, HttpContext http, SyncServer server, CancellationToken cancellationToken) => SnapshotOfAsync(http, server, SpaceNames.CatalogPrefix + name, cancellationToken))
            .Describe(SpaceOperations.CatalogSnapshot).Produces(StatusCodes.Status200OK, contentType: SnapshotType);
        group.MapPost("/spaces/leave", LeaveAsync).Describe(SpaceOperations.Leave).Takes<LeaveRequest>().Produces<SpaceRemoved>();
    }

    private static async Task<IResult> ListAsync(HttpContext http, SyncServer server, CancellationToken cancellationToken) =>
        Answer.Of(await server.GetSpacesAsync(Callers.Of(http.User), http.Request.Query["left"] is ["true"], cancellationToken).ConfigureAwait(false), WireMessages.Json.IReadOnlyListSpaceInfo);

    private static Task<IResult> MakeAsync(HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken) =>
        Exchange.AnswerAsync(http, options, WireMessages.Json.SpaceRequest, WireMessages.Json.SpaceInfo, server.MakeSpaceAsync, cancellationToken);

    private static async Task<IResult> MembersAsync(HttpContext http, SyncServer server, CancellationToken cancellationToken) =>
        Answer.Of(await server.GetMembersAsync(Callers.Of(http.User), One(http, Space), cancellationToken).ConfigureAwait(false), WireMessages.Json.SpaceMembers);

    private static Task<IResult> ChangeAsync(HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken) =>
        Exchange.AnswerAsync(http, options, WireMessages.Json.MemberChange, WireMessages.Json.SpaceMembers, server.ChangeMemberAsync, cancellationToken);

    private static async Task<IResult> RemoveAsync(HttpContext http, SyncServer server, CancellationToken cancellationToken) =>
        Answer.Of(await server.RemoveMemberAsync(Callers.Of(http.User), One(http, Space), One(http, "user"), cancellationToken).ConfigureAwait(false), WireMessages.Json.SpaceRemoved);

    private static async Task<IResult> InvitationsAsync(HttpContext http, SyncServer server, CancellationToken cancellationToken) =>
        Answer.Of(await server.GetInvitationsAsync(Callers.Of(http.User), One(http, Space), cancellationToken).ConfigureAwait(false), WireMessages.Json.SpaceInvitations);

    private static Task<IResult> InviteAsync(HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken) =>
        Exchange.AnswerAsync(http, options, WireMessages.Json.InvitationRequest, WireMessages.Json.SpaceInvitation, server.InviteAsync, cancellationToken);

    private static async Task<IResult> UninviteAsync(HttpContext http, SyncServer server, CancellationToken cancellationToken) =>
        Answer.Of(await server.UninviteAsync(Callers.Of(http.User), One(http, Space), One(http, "id"), cancellationToken).ConfigureAwait(false), WireMessages.Json.SpaceRemoved);

    private static Task<IResult> JoinAsync(HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken) =>
        Exchange.AnswerAsync(http, options, WireMessages.Json.JoinRequest, WireMessages.Json.SpaceInfo, server.JoinSpaceAsync, cancellationToken);

    private static Task<IResult> LeaveAsync(HttpContext http, SyncServer server, ServerOptions options, CancellationToken cancellationToken) =>
        Exchange.AnswerAsync(http, options, WireMessages.Json.LeaveRequest, WireMessages.Json.SpaceRemoved, server.LeaveSpaceAsync, cancellationToken);

    private static Task<IResult> ManifestAsync(HttpContext http, SyncServer server, CancellationToken cancellationToken) => ManifestOfAsync(http, server, http.Request.Query[Space], cancellationToken);

    private static Task<IResult> SnapshotAsync(HttpContext http, SyncServer server, CancellationToken cancellationToken) => SnapshotOfAsync(http, server, http.Request.Query[Space], cancellationToken);

    private static async Task<IResult> ManifestOfAsync(HttpContext http, SyncServer server, string? space, CancellationToken cancellationToken) =>
        Answer.Of(await server.GetSnapshotAsync(Callers.Of(http.User), space, cancellationToken).ConfigureAwait(false), WireMessages.Json.SnapshotManifest);

    private static async Task<IResult> SnapshotOfAsync(HttpContext http, SyncServer server, string? space, CancellationToken cancellationToken)
    {
        var (manifest, path) = await server.SnapshotFileAsync(Callers.Of(http.User), space, cancellationToken).ConfigureAwait(false);
        return path is null
            ? throw new RequestException(ErrorCodes.BadRequest, "No snapshot is offered of this space; ask for its manifest first.")
            : Results.File(path, SnapshotType, entityTag: new Microsoft.Net.Http.Headers.EntityTagHeaderValue($"\"{manifest.ETag}\""), enableRangeProcessing: true);
    }

    private static string One(HttpContext http, string name) =>
        http.Request.Query[name] is [{ Length: > 0 } value] ? value : throw new RequestException(ErrorCodes.BadRequest, $"{name} stands once in the query.");
}
