using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Tidemark.Server.AspNetCore.Problems;

/// <summary>Around every handler: the headers of every answer, and problem details for what it throws.</summary>
internal sealed class ProblemFilter(ILogger<ProblemFilter> logger) : IEndpointFilter
{
    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        AnswerHeaders.Write(context.HttpContext.Response);
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
