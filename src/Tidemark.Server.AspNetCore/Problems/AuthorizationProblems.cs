using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.AspNetCore.Http;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Endpoints;

namespace Tidemark.Server.AspNetCore.Problems;

/// <summary>
/// Gives Tidemark's endpoints a problem instead of an empty 401 or 403; every other endpoint of the host goes the host's own way.
/// </summary>
internal sealed class AuthorizationProblems(IAuthorizationMiddlewareResultHandler others) : IAuthorizationMiddlewareResultHandler
{
    public async Task HandleAsync(RequestDelegate next, HttpContext context, AuthorizationPolicy policy, PolicyAuthorizationResult authorizeResult)
    {
        if (authorizeResult.Succeeded || context.GetEndpoint()?.Metadata.GetMetadata<TidemarkEndpoint>() is null)
        {
            await others.HandleAsync(next, context, policy, authorizeResult).ConfigureAwait(false);
            return;
        }

        if (authorizeResult.Forbidden)
        {
            await ProblemAnswer.WriteAsync(context.Response, ProblemAnswer.Of(ErrorCodes.Forbidden, "The host's policy forbids this user to sync."), context.RequestAborted).ConfigureAwait(false);
            return;
        }

        // The scheme says how to sign in (WWW-Authenticate); a redirect to a page to sign in is no use to a device.
        if (policy.AuthenticationSchemes.Count == 0)
        {
            await context.ChallengeAsync().ConfigureAwait(false);
        }

        foreach (var scheme in policy.AuthenticationSchemes)
        {
            await context.ChallengeAsync(scheme).ConfigureAwait(false);
        }

        context.Response.Headers.Remove("Location");
        var problem = ProblemAnswer.Of(ErrorCodes.AuthFailed, Detail(context.Request));
        await ProblemAnswer.WriteAsync(context.Response, problem, context.RequestAborted).ConfigureAwait(false);
    }

    private static string Detail(HttpRequest request) => request.Headers.Authorization.Count == 0
        ? "No token came. Send Authorization: Bearer and a token of `tidemark token`."
        : "The token is not accepted: it is of another server, expired, or damaged. Make a new one with `tidemark token`.";
}
