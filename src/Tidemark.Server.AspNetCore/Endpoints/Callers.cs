using System.Globalization;
using System.Security.Claims;
using Microsoft.AspNetCore.Http;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.AspNetCore.Problems;

namespace Tidemark.Server.AspNetCore.Endpoints;

/// <summary>Who calls: what the host's authentication says, and nothing else of the request.</summary>
internal static class Callers
{
    // JSON web tokens call it so when the host keeps their claim names.
    private const string Subject = "sub";

    /// <summary>The id of a token and the second it was made in, as JSON web tokens call them (RFC 7519).</summary>
    public const string TokenId = "jti";
    public const string IssuedAt = "iat";

    /// <summary>The user's name as it stands in the token; null: none.</summary>
    public static string? NameOf(ClaimsPrincipal principal) => principal.FindFirstValue(ClaimTypes.NameIdentifier) ?? principal.FindFirstValue(Subject);

    /// <summary>As <see cref="Of(ClaimsPrincipal)"/>, with the lease that the request names.</summary>
    public static Caller WithLease(HttpContext http) => Of(http.User) with { Lease = http.Request.Headers[LeaseResponse.Header] is [{ Length: > 0 } lease] ? lease : null };

    public static Caller Of(ClaimsPrincipal principal)
    {
        var user = NameOf(principal);
        return string.IsNullOrWhiteSpace(user) || user.Length > TidemarkTokens.UserLengthMax
            ? throw new RequestException(ErrorCodes.AuthFailed, $"The token names no user of 1 to {TidemarkTokens.UserLengthMax} characters.")
            : new Caller(new UserId(user), principal.IsInRole(TidemarkTokens.AdministratorRole)) { TokenId = principal.FindFirstValue(TokenId), IssuedAtMs = IssuedOf(principal) };
    }

    private static long? IssuedOf(ClaimsPrincipal principal) =>
        long.TryParse(principal.FindFirstValue(IssuedAt), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds < long.MaxValue / 1000 ? seconds * 1000 : null;
}
