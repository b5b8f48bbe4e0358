using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Bodies;

namespace Tidemark.Server.AspNetCore.Problems;

/// <summary>Problem details (RFC 9457) as an answer.</summary>
internal static class ProblemAnswer
{
    public const string MediaType = "application/problem+json";

    /// <summary>A problem with the status, type and title of its code.</summary>
    public static Problem Of(string code, string detail, int status = 0) => Complete(new Problem { Code = code, Status = status, Detail = detail, Retryable = ErrorCodes.Find(code)?.Retryable ?? false });

    /// <summary>Writes the problem; does nothing when an answer is already on its way.</summary>
    public static async Task WriteAsync(HttpResponse response, Problem problem, CancellationToken cancellationToken)
    {
        if (response.HasStarted)
        {
            return;
        }

        var whole = Complete(problem);
        Refusals.Log(response.HttpContext, whole);
        var bytes = JsonSerializer.SerializeToUtf8Bytes(whole, WireMessages.Json.Problem);
        response.StatusCode = whole.Status;
        response.ContentType = MediaType;
        response.ContentLength = bytes.Length;
        response.Headers.Remove("Content-Encoding");
        AnswerHeaders.WriteAll(response);
        if (whole.RetryAfterMs is { } milliseconds)
        {
            // The header has whole seconds: never less than was meant.
            response.Headers.RetryAfter = ((milliseconds + 999) / 1000).ToString(CultureInfo.InvariantCulture);
        }

        if (whole.Status == StatusCodes.Status401Unauthorized && response.Headers.WWWAuthenticate.Count == 0)
        {
            response.Headers.WWWAuthenticate = "Bearer";
        }

        await response.Body.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
    }

    private static Problem Complete(Problem problem)
    {
        var code = ErrorCodes.Find(problem.Code);
        return problem with
        {
            Status = problem.Status > 0 ? problem.Status : code is { Status: > 0 } ? code.Status : StatusCodes.Status400BadRequest,
            Title = problem.Title ?? code?.Cause,
            Type = problem.Type ?? "urn:tidemark:error:" + problem.Code,
        };
    }
}
