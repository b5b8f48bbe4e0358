using System.Globalization;
using System.Net;
using System.Text.Json;
using Tidemark.Client.Errors;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Remotes.Http;

/// <summary>The one place on the device that knows HTTP: every refusal and failure becomes a <see cref="SyncException"/>.</summary>
internal static class HttpTrouble
{
    private static readonly TimeSpan RetryAfterMax = TimeSpan.FromHours(1);

    // The three forms of RFC 9110. Anything else that looks like a date to a lenient reader ("1.5") is none.
    private static readonly string[] DateForms = ["r", "dddd, dd-MMM-yy HH:mm:ss 'GMT'", "ddd MMM d HH:mm:ss yyyy"];

    public static SyncException NoAnswer(Uri server, Exception cause) =>
        new(SyncErrorCode.NetworkError, $"No answer from {server}: {Innermost(cause).Message} Check the address and the network; nothing is lost, the next run goes on.", retryable: true, cause);

    public static SyncException NotOurs(Uri server, string what, Exception? cause) =>
        new(SyncErrorCode.InvalidResponse, $"{server} answered with {what}; that is no Tidemark server, or something stands in between (a login page, a proxy). Nothing was changed.", retryable: true, cause);

    public static SyncException Of(Uri server, HttpResponseMessage response, byte[] body)
    {
        var retryAfter = RetryAfterOf(response);
        if (ProblemOf(response, body) is not { } problem)
        {
            return ByStatus(server, response.StatusCode, retryAfter);
        }

        retryAfter ??= problem.RetryAfterMs is { } ms and > 0 ? TimeSpan.FromMilliseconds(Math.Min(ms, (long)RetryAfterMax.TotalMilliseconds)) : null;
        var message = problem.Detail ?? problem.Title ?? problem.Code;
        if (problem.Code == ErrorCodes.ResyncRequired)
        {
            return new Remotes.ResyncRequiredException(problem.Reason ?? ResyncReason.Retention, problem.Epoch, problem.CommonPosition ?? 0, message) { WireCode = problem.Code };
        }

        return new SyncException(CodeOf(problem.Code), message, problem.Retryable) { WireCode = problem.Code, RetryAfter = retryAfter };
    }

    private static SyncErrorCode CodeOf(string code) => code switch
    {
        ErrorCodes.AuthFailed or ErrorCodes.Forbidden => SyncErrorCode.AuthFailed,
        ErrorCodes.DeviceRevoked => SyncErrorCode.DeviceRevoked,
        ErrorCodes.SpaceNotFound => SyncErrorCode.SpaceNotFound,
        ErrorCodes.ModelMismatch => SyncErrorCode.ModelMismatch,
        ErrorCodes.StoreForked => SyncErrorCode.StoreForked,
        ErrorCodes.RateLimited or ErrorCodes.LeaseDenied => SyncErrorCode.RateLimited,
        ErrorCodes.LeaseLost => SyncErrorCode.LeaseLost,
        ErrorCodes.Unavailable => SyncErrorCode.ServerUnavailable,
        _ => SyncErrorCode.BadRequest,
    };

    private static SyncException ByStatus(Uri server, HttpStatusCode status, TimeSpan? retryAfter) => status switch
    {
        HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden =>
            new SyncException(SyncErrorCode.AuthFailed, $"{server} refused the token ({(int)status}). Sign in again, or make a new token with `tidemark token`.") { WireCode = ErrorCodes.AuthFailed },
        HttpStatusCode.TooManyRequests =>
            new SyncException(SyncErrorCode.RateLimited, $"{server} asks for a pause.", retryable: true) { RetryAfter = retryAfter },
        HttpStatusCode.RequestEntityTooLarge =>
            new SyncException(SyncErrorCode.BadRequest, $"{server} takes no request of this size.") { WireCode = ErrorCodes.TooLarge },
        HttpStatusCode.RequestTimeout or >= HttpStatusCode.InternalServerError =>
            new SyncException(SyncErrorCode.ServerUnavailable, $"{server} cannot answer now ({(int)status}).", retryable: true) { RetryAfter = retryAfter },
        _ => NotOurs(server, $"status {(int)status}", null),
    };

    private static Problem? ProblemOf(HttpResponseMessage response, byte[] body)
    {
        if (response.Content.Headers.ContentType?.MediaType is not ("application/problem+json" or "application/json"))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(body, WireJson.Default.Problem);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // Seconds or a date, by the server's own clock; what does not parse, or lies in the past, counts as absent.
    private static TimeSpan? RetryAfterOf(HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("Retry-After", out var values) || values.FirstOrDefault() is not { } text)
        {
            return null;
        }

        if (text.Length > 0 && text.All(char.IsAsciiDigit))
        {
            return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds < RetryAfterMax.TotalSeconds ? TimeSpan.FromSeconds(seconds) : RetryAfterMax;
        }

        return DateTimeOffset.TryParseExact(text, DateForms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AllowInnerWhite, out var until) && response.Headers.Date is { } date && until > date
            ? Capped(TimeSpan.FromSeconds(Math.Ceiling((until - date).TotalSeconds)))
            : null;
    }

    private static TimeSpan Capped(TimeSpan wait) => wait > RetryAfterMax ? RetryAfterMax : wait;

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;
}
