using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;

namespace Tidemark.Server.AspNetCore.Problems;

/// <summary>The one place that turns exceptions into answers.</summary>
internal static partial class ProblemMapping
{
    private const long UnexpectedRetryAfterMs = 1000;

    /// <summary>Answers for what a handler threw; what nobody expected is logged, once, and said without its details.</summary>
    public static async Task AnswerAsync(HttpContext context, Exception exception, ILogger logger)
    {
        context.RequestServices.GetRequiredService<StorageTroubles>().Tell(exception);
        var problem = Find(exception);
        if (problem is null)
        {
            if (context.Features.Get<IHttpRequestTimeoutFeature>() is { RequestTimeoutToken.IsCancellationRequested: true })
            {
                var slow = ProblemAnswer.Of(ErrorCodes.Unavailable, "The request took longer than this server gives any.", StatusCodes.Status408RequestTimeout);
                await ProblemAnswer.WriteAsync(context.Response, slow, CancellationToken.None).ConfigureAwait(false);
                return;
            }

            if (context.RequestAborted.IsCancellationRequested)
            {
                return;
            }

            // The route's pattern, not the path: a query may hold what belongs to a user.
            Unexpected(logger, exception, context.Request.Method, context.GetEndpoint()?.DisplayName ?? "(no endpoint)");
            problem = ProblemAnswer.Of(ErrorCodes.Unavailable, "The server met something it did not expect; its log says what.", StatusCodes.Status500InternalServerError)
                with { RetryAfterMs = UnexpectedRetryAfterMs };
        }

        if (exception is RequestException { AcceptEncoding: { } accepted })
        {
            context.Response.Headers.AcceptEncoding = accepted;
        }

        if (!context.RequestAborted.IsCancellationRequested)
        {
            await ProblemAnswer.WriteAsync(context.Response, problem, context.RequestAborted).ConfigureAwait(false);
        }
    }

    private static Problem? Find(Exception exception) => exception switch
    {
        ServerException e => e.Problem,
        RequestException e => ProblemAnswer.Of(e.Code, e.Message, e.Status),
        WireFormatException e => ProblemAnswer.Of(e.Code, e.Message) with { Field = e.Field },
        ModelException e => ProblemAnswer.Of(ErrorCodes.BadRequest, e.Message),
        JsonException e => ProblemAnswer.Of(ErrorCodes.BadRequest, "The body is not the JSON of this request" + Place(e)),
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => ProblemAnswer.Of(ErrorCodes.TooLarge, "The request is larger than the host's own limit for bodies."),
        BadHttpRequestException { StatusCode: StatusCodes.Status408RequestTimeout } =>
            ProblemAnswer.Of(ErrorCodes.Unavailable, "The body came too slowly.", StatusCodes.Status408RequestTimeout),
        BadHttpRequestException e => ProblemAnswer.Of(ErrorCodes.BadRequest, "The request is not proper HTTP.", e.StatusCode),
        _ => null,
    };

    // The parser's own message may quote what was sent; where it stopped is enough to find the fault.
    private static string Place(JsonException e)
    {
        var path = string.IsNullOrEmpty(e.Path) || string.Equals(e.Path, "$", StringComparison.Ordinal) ? "" : $" at {e.Path}";
        var line = e.LineNumber is { } number ? $" (line {number + 1}, byte {(e.BytePositionInLine ?? 0) + 1})" : "";
        return path + line + ": see /openapi/v1.json for its form; nesting deeper than jsonDepthMax and members that stand twice are refused too.";
    }

    [LoggerMessage(EventId = 1001, Level = LogLevel.Error, Message = "{Method} {Endpoint} failed unexpectedly")]
    private static partial void Unexpected(ILogger logger, Exception exception, string method, string endpoint);
}
