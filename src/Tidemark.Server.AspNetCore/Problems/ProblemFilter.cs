using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Tidemark.Server.AspNetCore.Hosting;

namespace Tidemark.Server.AspNetCore.Problems;

/// <summary>Around every handler: the headers of every answer, and problem details for what it throws.</summary>
internal sealed class ProblemFilter(ILogger<ProblemFilter> logger, Drain drain) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        AnswerHeaders.WriteAll(context.HttpContext.Response);
        if (drain.HasBegun)
        {
            context.HttpContext.Response.Headers.Connection = "close"; // The next request finds another node.
        }

        try
        {
            return await next(context).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            await ProblemMapping.AnswerAsync(context.HttpContext, e, logger).ConfigureAwait(false);
            return Results.Empty;
        }
    }
}
