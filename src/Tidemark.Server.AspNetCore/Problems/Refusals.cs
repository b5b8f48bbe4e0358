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
            var logger = http.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("Tidemark.Server.Refusals");
            Refused(logger, problem.Code, problem.Status, http.Request.Method, endpoint.DisplayName ?? "(no name)");
        }
    }

    [LoggerMessage(EventId = 1005, Level = LogLevel.Information, Message = "Refused with {Code} ({Status}): {Method} {Endpoint}")]
    private static partial void Refused(ILogger logger, string code, int status, string method, string endpoint);
}
