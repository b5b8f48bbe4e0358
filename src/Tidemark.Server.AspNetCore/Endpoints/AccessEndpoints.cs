using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Tidemark.Model.Protocol;
using Tidemark.Server.Access;
using Tidemark.Server.AspNetCore.Bodies;
using Tidemark.Server.AspNetCore.OpenApi;
using Tidemark.Server.AspNetCore.Problems;

namespace Tidemark.Server.AspNetCore.Endpoints;

/// <summary>Devices of a user, and the tokens he has.</summary>
internal static class AccessEndpoints
{
    private const int NameLengthMax = 200;
    private const int BodyBytesMax = 64 * 1024;

    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("/devices", DevicesAsync).Describe(AccessOperations.GetDevices).Produces<DeviceList>();
        group.MapPost("/devices", RegisterAsync).Describe(AccessOperations.RegisterDevice).Takes<DeviceRequest>().Produces<DeviceInfo>();
        group.MapDelete("/devices/{id}", RevokeDeviceAsync).Describe(AccessOperations.RevokeDevice).Produces<Revoked>();
        group.MapPut("/devices/{id}/dead-letters", ReportAsync).Describe(AccessOperations.ReportDeadLetters).Takes<DeadLetterReport>().Produces<DeadLettersNoted>();
        group.MapPost("/auth/revoke", RevokeAsync).Describe(AccessOperations.RevokeToken).Takes<RevokeRequest>().Produces<Revoked>();
    }

    /// <summary>For whoever has a refresh token, and of the built-in tokens alone.</summary>
    public static void MapRefresh(RouteGroupBuilder group) =>
        group.MapPost("/auth/refresh", RefreshAsync).Describe(AccessOperations.Refresh, anonymous: true).Takes<RefreshRequest>().Produces<TokenResponse>();

    private static async Task<IResult> DevicesAsync(HttpContext http, AccessService access, CancellationToken cancellationToken)
    {
        var caller = await AdmittedAsync(http, access, cancellationToken).ConfigureAwait(false);
        return Answer.Of(Of(await access.GetDevicesAsync(caller.User, cancellationToken).ConfigureAwait(false)), WireJson.Default.DeviceList);
    }

    private static async Task<IResult> RegisterAsync(HttpContext http, AccessService access, CancellationToken cancellationToken)
    {
        var caller = Callers.Of(http.User);
        var request = await RequestBody.ReadAsync(http.Request, WireJson.Default.DeviceRequest, BodyBytesMax, cancellationToken).ConfigureAwait(false);
        if (request.Name is { } name && (name.Length > NameLengthMax || name.Any(char.IsControl)))
        {
            throw new RequestException(ErrorCodes.BadRequest, $"name has at most {NameLengthMax} characters, none of them a control character.");
        }

        return Answer.Of(Of(await access.RegisterAsync(caller, request.DeviceId, request.Name, cancellationToken).ConfigureAwait(false)), WireJson.Default.DeviceInfo);
    }

    private static async Task<IResult> RevokeDeviceAsync(string id, HttpContext http, AccessService access, CancellationToken cancellationToken)
    {
        var caller = await AdmittedAsync(http, access, cancellationToken).ConfigureAwait(false);
        await access.RevokeDeviceAsync(caller.User, id, cancellationToken).ConfigureAwait(false);
        return Answer.Of(new Revoked(), WireJson.Default.Revoked);
    }

    private static async Task<IResult> ReportAsync(string id, HttpContext http, AccessService access, CancellationToken cancellationToken)
    {
        var caller = Callers.Of(http.User);
        var report = await RequestBody.ReadAsync(http.Request, WireJson.Default.DeadLetterReport, BodyBytesMax, cancellationToken).ConfigureAwait(false);
        return Answer.Of(new DeadLettersNoted { Total = await access.ReportDeadLettersAsync(caller, id, report, cancellationToken).ConfigureAwait(false) }, WireJson.Default.DeadLettersNoted);
    }

    private static async Task<IResult> RevokeAsync(HttpContext http, AccessService access, CancellationToken cancellationToken)
    {
        var caller = await AdmittedAsync(http, access, cancellationToken).ConfigureAwait(false);
        var request = await RequestBody.ReadAsync(http.Request, WireJson.Default.RevokeRequest, BodyBytesMax, cancellationToken).ConfigureAwait(false);
        if (request.All)
        {
            await access.RevokeUserAsync(caller.User, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            var token = caller.TokenId ?? throw new RequestException(ErrorCodes.BadRequest, "The token has no id (jti) to revoke it by; all of the user's can be.");
            await access.RevokeTokenAsync(caller.User, token, cancellationToken).ConfigureAwait(false);
        }

        return Answer.Of(new Revoked(), WireJson.Default.Revoked);
    }

    private static async Task<IResult> RefreshAsync(HttpContext http, TidemarkTokens tokens, AccessService access, CancellationToken cancellationToken)
    {
        var request = await RequestBody.ReadAsync(http.Request, WireJson.Default.RefreshRequest, BodyBytesMax, cancellationToken).ConfigureAwait(false);
        var pair = await tokens.RefreshAsync(request.RefreshToken, access, cancellationToken).ConfigureAwait(false)
            ?? throw new RequestException(ErrorCodes.AuthFailed, "The refresh token is not accepted: it is of another server, expired, revoked, or was used before. Sign in again.");
        return Answer.Of(new TokenResponse { AccessToken = pair.AccessToken, ExpiresIn = (long)pair.AccessLifetime.TotalSeconds, RefreshToken = pair.RefreshToken }, WireJson.Default.TokenResponse);
    }

    /// <summary>The caller, unless his token was revoked.</summary>
    public static async Task<Caller> AdmittedAsync(HttpContext http, AccessService access, CancellationToken cancellationToken)
    {
        var caller = Callers.Of(http.User);
        await access.AdmitAsync(caller, deviceId: null, commands: 0, cancellationToken).ConfigureAwait(false);
        return caller;
    }

    public static DeviceList Of(IReadOnlyList<RegisteredDevice> devices) => new() { Devices = [.. devices.Select(Of)] };

    private static DeviceInfo Of(RegisteredDevice device) =>
        new() { DeviceId = device.Id, Name = device.Name, Since = WireTime.ToText(device.Since), Seen = WireTime.ToText(device.Seen), Revoked = device.IsRevoked };
}
