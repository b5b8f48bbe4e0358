using Microsoft.AspNetCore.Http;
using Tidemark.Server.Access;
using Tidemark.Server.AspNetCore.Endpoints;

namespace Tidemark.Server.AspNetCore.Hosting;

/// <summary>Lets nobody in whose token was revoked, where the server itself does not ask.</summary>
internal sealed class AccessFilter(AccessService access) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        await AccessEndpoints.AdmittedAsync(context.HttpContext, access, context.HttpContext.RequestAborted).ConfigureAwait(false);
        return await next(context).ConfigureAwait(false);
    }
}
