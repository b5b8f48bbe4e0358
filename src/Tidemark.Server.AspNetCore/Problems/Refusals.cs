using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Tidemark.Model.Protocol;

namespace Tidemark.Server.AspNetCore.Problems;

/// <summary>What an attack looks like in the log: one line for each refusal of its kind, with the route's pattern and nothing that was sent.</summary>
internal static partial class Refusals
{
    private static readonly HashSet<string> Told = new(StringComparer.Ordinal)
    {
        ErrorCodes.BadRequest, ErrorCodes.TooLarge, ErrorCodes.RowTooWide, ErrorCodes.CursorInvalid, ErrorCodes.AuthFailed, ErrorCodes.Forbidden, ErrorCodes.DeviceRevoked,
        ErrorCodes.SpaceNotFound, ErrorCodes.LeaseLost, ErrorCodes.RateLimited,
    };

    public static void Log(HttpContext http, Problem problem)
    {
        if ((Told.Contains(problem.Code) || problem.Status == StatusCodes.Status408RequestTimeout) && http.GetEndpoint() is { } endpoint)
        {
            Refused(LoggerOf(http.RequestServices.GetRequiredService<ILoggerFactory>()), problem.Code, problem.Status, http.Request.Method, endpoint.DisplayName ?? "(no name)");
        }
    }

    /// <summary>The same for a request that was refused before any endpoint was asked: it has neither a method nor a route.</summary>
    public static void LogUnread(ILoggerFactory logging, int status)
    {
        var code = status switch
        {
            StatusCodes.Status408RequestTimeout => ErrorCodes.Unavailable,
            StatusCodes.Status413PayloadTooLarge or StatusCodes.Status414UriTooLong or StatusCodes.Status431RequestHeaderFieldsTooLarge => ErrorCodes.TooLarge,
            _ => ErrorCodes.BadRequest,
        };
        Refused(LoggerOf(logging), code, status, "(unread)", "(no endpoint)");
    }

    private static ILogger LoggerOf(ILoggerFactory logging) => logging.CreateLogger("Tidemark.Server.Refusals");

    [LoggerMessage(EventId = 1005, Level = LogLevel.Information, Message = "Refused with {Code} ({Status}): {Method} {Endpoint}")]
    private static partial void Refused(ILogger logger, string code, int status, string method, string endpoint);
}
