using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Access;
using Tidemark.Server.AspNetCore.Bodies;
using Tidemark.Server.AspNetCore.OpenApi;
using Tidemark.Server.AspNetCore.Problems;
using Tidemark.Server.Storage;

namespace Tidemark.Server.AspNetCore.Endpoints;

/// <summary>For administrators: who is there, what is there, and no row of it.</summary>
internal static class AdminEndpoints
{
    private const int BodyBytesMax = 64 * 1024;

    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("/admin/users", UsersAsync).Describe(AccessOperations.GetUsers).Produces<UserList>();
        group.MapGet("/admin/users/{user}/devices", DevicesAsync).Describe(AccessOperations.GetDevicesOf).Produces<DeviceList>();
        group.MapDelete("/admin/users/{user}/devices/{id}", RevokeDeviceAsync).Describe(AccessOperations.RevokeDeviceOf).Produces<Revoked>();
        group.MapDelete("/admin/users/{user}/tokens", RevokeTokensAsync).Describe(AccessOperations.RevokeTokensOf).Produces<Revoked>();
        group.MapGet("/admin/dead-letters", DeadLettersAsync).Describe(AccessOperations.GetDeadLetters).Produces<DeadLetterReports>();
        group.MapGet("/admin/users/{user}/dead-letters", DeadLettersOfAsync).Describe(AccessOperations.GetDeadLettersOf).Produces<DeadLetterReports>();
        group.MapGet("/admin/retention", RetentionAsync).Describe(AccessOperations.GetRetention).Produces<RetentionInfo>();
        group.MapGet("/admin/spaces", SpacesAsync).Describe(AccessOperations.GetAllSpaces).Produces<SpaceList>();
        group.MapPost("/admin/compactions", CompactAsync).Describe(AccessOperations.Compact).Takes<CompactionRequest>().Produces<CompactionResponse>();
    }

    private static async Task<IResult> UsersAsync(HttpContext http, AccessService access, CancellationToken cancellationToken)
    {
        await RequireAsync(http, access, cancellationToken).ConfigureAwait(false);
        return Answer.Of(new UserList { Users = [.. (await access.GetUsersAsync(cancellationToken).ConfigureAwait(false)).Select(u => u.Value)] }, WireJson.Default.UserList);
    }

    private static async Task<IResult> DevicesAsync(string user, HttpContext http, AccessService access, CancellationToken cancellationToken)
    {
        await RequireAsync(http, access, cancellationToken).ConfigureAwait(false);
        return Answer.Of(AccessEndpoints.Of(await access.GetDevicesAsync(Of(user), cancellationToken).ConfigureAwait(false)), WireJson.Default.DeviceList);
    }

    private static async Task<IResult> RevokeDeviceAsync(string user, string id, HttpContext http, AccessService access, CancellationToken cancellationToken)
    {
        await RequireAsync(http, access, cancellationToken).ConfigureAwait(false);
        await access.RevokeDeviceAsync(Of(user), id, cancellationToken).ConfigureAwait(false);
        return Answer.Of(new Revoked(), WireJson.Default.Revoked);
    }

    private static async Task<IResult> RevokeTokensAsync(string user, HttpContext http, AccessService access, CancellationToken cancellationToken)
    {
        await RequireAsync(http, access, cancellationToken).ConfigureAwait(false);
        await access.RevokeUserAsync(Of(user), cancellationToken).ConfigureAwait(false);
        return Answer.Of(new Revoked(), WireJson.Default.Revoked);
    }

    private static Task<IResult> DeadLettersAsync(HttpContext http, AccessService access, CancellationToken cancellationToken) => DeadLetterAnswerAsync(null, http, access, cancellationToken);

    private static Task<IResult> DeadLettersOfAsync(string user, HttpContext http, AccessService access, CancellationToken cancellationToken) => DeadLetterAnswerAsync(Of(user), http, access, cancellationToken);

    private static async Task<IResult> DeadLetterAnswerAsync(UserId? user, HttpContext http, AccessService access, CancellationToken cancellationToken)
    {
        await RequireAsync(http, access, cancellationToken).ConfigureAwait(false);
        var devices = await access.GetDeadLettersAsync(user, cancellationToken).ConfigureAwait(false);
        return Answer.Of(new DeadLetterReports { Total = devices.Sum(d => d.DeadLetters.Sum(l => l.Count)), Devices = devices }, WireJson.Default.DeadLetterReports);
    }

    private static async Task<IResult> RetentionAsync(HttpContext http, AccessService access, SyncServer server, CancellationToken cancellationToken)
    {
        await RequireAsync(http, access, cancellationToken).ConfigureAwait(false);
        return Answer.Of(await server.GetRetentionAsync(cancellationToken).ConfigureAwait(false), WireJson.Default.RetentionInfo);
    }

    private static async Task<IResult> SpacesAsync(HttpContext http, AccessService access, IServerStore store, CancellationToken cancellationToken)
    {
        await RequireAsync(http, access, cancellationToken).ConfigureAwait(false);
        var spaces = new List<SpaceHead>();
        foreach (var space in await store.GetSpacesAsync(cancellationToken).ConfigureAwait(false))
        {
            var snapshot = await store.ReadAsync(space, cancellationToken).ConfigureAwait(false);
            await using (snapshot.ConfigureAwait(false))
            {
                if (snapshot.State is { } state)
                {
                    spaces.Add(new SpaceHead { Space = space.Value, Epoch = state.Epoch, Head = state.Head.Position, CompactedTo = state.CompactedTo.Value });
                }
            }
        }

        return Answer.Of(new SpaceList { Spaces = spaces }, WireJson.Default.SpaceList);
    }

    private static async Task<IResult> CompactAsync(HttpContext http, AccessService access, SyncServer server, CancellationToken cancellationToken)
    {
        await RequireAsync(http, access, cancellationToken).ConfigureAwait(false);
        await RequestBody.ReadAsync(http.Request, WireJson.Default.CompactionRequest, BodyBytesMax, cancellationToken).ConfigureAwait(false);
        return Answer.Of(new CompactionResponse { Spaces = await server.CompactAsync(cancellationToken).ConfigureAwait(false) }, WireJson.Default.CompactionResponse);
    }

    private static async Task RequireAsync(HttpContext http, AccessService access, CancellationToken cancellationToken)
    {
        if (!(await AccessEndpoints.AdmittedAsync(http, access, cancellationToken).ConfigureAwait(false)).IsAdministrator)
        {
            throw new RequestException(ErrorCodes.Forbidden, "Only administrators may do this.");
        }
    }

    private static UserId Of(string user) => user.Length <= TidemarkTokens.UserLengthMax && !string.IsNullOrWhiteSpace(user)
        ? new UserId(user)
        : throw new RequestException(ErrorCodes.BadRequest, $"A user has 1 to {TidemarkTokens.UserLengthMax} characters.");
}
