using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Problems;

namespace Tidemark.Server.AspNetCore.OpenApi;

/// <summary>Puts an operation's texts and problems on its endpoint.</summary>
internal static class OperationDescriptions
{
    // Who has to be signed in may be refused; whatever uses the store may meet trouble.
    private static readonly string[] Everywhere = [ErrorCodes.AuthFailed, ErrorCodes.Unavailable];

    public static RouteHandlerBuilder Describe(this RouteHandlerBuilder builder, WireOperation operation, bool anonymous = false)
    {
        builder.WithName("tidemark-" + operation.Id)
            .WithTags(operation.Tag)
            .WithSummary(operation.Summary)
            .WithDescription(operation.Description)
            .WithMetadata(operation);
        var statuses = Codes(operation, anonymous).Select(c => c.Status);
        if (!anonymous)
        {
            statuses = statuses.Append(StatusCodes.Status500InternalServerError);
        }

        foreach (var status in statuses.Distinct().Order())
        {
            builder.WithMetadata(new ProducesResponseTypeMetadata(status, typeof(Problem), [ProblemAnswer.MediaType]));
        }

        return builder;
    }

    /// <summary>A message of the wire as the body.</summary>
    public static RouteHandlerBuilder Takes<T>(this RouteHandlerBuilder builder)
        where T : notnull =>
        builder.Accepts<T>(Bodies.Answer.Json)
            .WithMetadata(new ProducesResponseTypeMetadata(StatusCodes.Status415UnsupportedMediaType, typeof(Problem), [ProblemAnswer.MediaType]));

    /// <summary>The codes of one status in words.</summary>
    public static string Problems(WireOperation operation, int status, bool anonymous) => status switch
    {
        StatusCodes.Status415UnsupportedMediaType => $"{ErrorCodes.BadRequest}: The body is not application/json, or of a content coding other than {Bodies.ContentCoding.Both}.",
        StatusCodes.Status500InternalServerError => $"{ErrorCodes.Unavailable}: The server met something it did not expect. The same request may be sent again.",
        _ => string.Join(' ', Codes(operation, anonymous).Where(c => c.Status == status).Select(c => $"{c.Code}: {c.Cause} {c.Cure}")),
    };

    private static IEnumerable<ErrorCode> Codes(WireOperation operation, bool anonymous) =>
        operation.Codes.Union(anonymous ? [] : Everywhere, StringComparer.Ordinal).Select(c => ErrorCodes.Find(c)!);
}
