using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;
using Tidemark.Model.Protocol;
using Tidemark.Server.AspNetCore.Endpoints;

namespace Tidemark.Server.AspNetCore.OpenApi;

/// <summary>The OpenAPI document of the wire, made from the Protocol records.</summary>
internal static class TidemarkDocument
{
    public const string Name = "v1";
    public const string Route = "/openapi/{documentName}.json";
    private const string Bearer = "bearer";

    public static void Add(IServiceCollection services) => services.AddOpenApi(Name, options =>
    {
        options.ShouldInclude = description => description.ActionDescriptor.EndpointMetadata.OfType<TidemarkEndpoint>().Any();
        options.CreateSchemaReferenceId = type => WireSchemas.IsInline(type.Type) ? null : WireSchemas.NameOf(type.Type) ?? OpenApiOptions.CreateDefaultSchemaReferenceId(type);
        options.AddSchemaTransformer(WireSchemas.TransformAsync);
        options.AddOperationTransformer(DescribeOperation);
        options.AddDocumentTransformer(DescribeDocument);
    });

    private static Task DescribeDocument(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo
        {
            Title = "Tidemark",
            Version = $"{ProtocolVersion.Current}",
            Description = "Keeps local SQLite databases and a server in step. JSON, camelCase, times in ISO 8601 UTC, UUIDs in lower case, bytes as base64, decimals as strings, "
                + "integers beyond 2^53-1 as strings. Bodies and answers may be compressed with gzip or br. Members a reader does not know are ignored, except in the payload of a command.",
        };

        // The address it was asked at, not the one inside.
        document.Servers?.Clear();
        var components = document.Components ??= new OpenApiComponents();
        components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>(StringComparer.Ordinal);
        components.SecuritySchemes[Bearer] = new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = Bearer,
            Description = "A token of `tidemark token`, or of the scheme that the host registered.",
        };
        return Task.CompletedTask;
    }

    private static Task DescribeOperation(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        var described = metadata.OfType<WireOperation>().Single();
        operation.OperationId = described.Id;
        var anonymous = metadata.OfType<IAllowAnonymous>().Any();
        if (!anonymous)
        {
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Bearer, context.Document)] = [] }];
        }

        foreach (var (status, response) in operation.Responses ?? [])
        {
            if (int.TryParse(status, out var number) && number >= 400)
            {
                response.Description = OperationDescriptions.Problems(described, number, anonymous);
            }
        }

        if (ReferenceEquals(described, WireOperations.GetChanges))
        {
            operation.Parameters = [.. ChangesParameters()];
        }

        if (ReferenceEquals(described, WireOperations.LiveHints))
        {
            operation.Parameters =
            [
                Parameter(LiveEndpoint.Space, "The space; the user's default one when absent."),
                Parameter(LiveEndpoint.DeviceId, "Which device listens: its own changes are not told to it."),
            ];
        }

        return Task.CompletedTask;
    }

    private static IEnumerable<IOpenApiParameter> ChangesParameters()
    {
        yield return Parameter(ChangesQuery.Space, "The space; the user's default one when absent.");
        yield return Parameter(ChangesQuery.Cursor, "Where the last page ended; from the start when absent. Opaque.");
        yield return Parameter(ChangesQuery.DeviceId, "Which device asks.");
        yield return new OpenApiParameter
        {
            Name = ChangesQuery.Limit,
            In = ParameterLocation.Query,
            Description = "At most so many changes; 1000 when absent. A page may have fewer.",
            Schema = new OpenApiSchema { Type = JsonSchemaType.Integer, Minimum = "1", Maximum = "5000" },
        };
        yield return Parameter(ChangesQuery.EntityTypes, "Only these types: names joined by commas, or the parameter repeated.");
    }

    private static OpenApiParameter Parameter(string name, string description) => new()
    {
        Name = name,
        In = ParameterLocation.Query,
        Description = description,
        Schema = new OpenApiSchema { Type = JsonSchemaType.String },
    };
}
