using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Problems;

namespace Tidemark.Server.AspNetCore.Hosting;

/// <summary>Outermost: answers without a body (no such route, wrong method) become problems too, and so does trouble before the endpoint.</summary>
internal sealed class ProblemMiddleware(RequestDelegate next, ILogger<ProblemMiddleware> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        AnswerHeaders.Write(context.Response);
        try
        {
            await next(context).ConfigureAwait(false);
            if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentType: null } response)
            {
                await ProblemAnswer.WriteAsync(response, Of(response.StatusCode), context.RequestAborted).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (!context.Response.HasStarted)
        {
            await ProblemMapping.AnswerAsync(context, e, logger).ConfigureAwait(false);
        }
    }

    private static Problem Of(int status) => status switch
    {
        StatusCodes.Status404NotFound => ProblemAnswer.Of(ErrorCodes.BadRequest, "There is no such endpoint; /openapi/v1.json lists them.", status),
        StatusCodes.Status405MethodNotAllowed => ProblemAnswer.Of(ErrorCodes.BadRequest, "The endpoint does not know this method.", status),
        StatusCodes.Status415UnsupportedMediaType => ProblemAnswer.Of(ErrorCodes.BadRequest, "The body must be JSON, sent with Content-Type: application/json.", status),
        >= 500 => ProblemAnswer.Of(ErrorCodes.Unavailable, "The server cannot answer now.", status),
        _ => ProblemAnswer.Of(ErrorCodes.BadRequest, "The request is refused.", status),
    };
}
