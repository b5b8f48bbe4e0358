using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Tidemark.Model.Protocol;

namespace Tidemark.Server.AspNetCore.OpenApi;

/// <summary>What the records alone do not tell: their names on the wire, and the parts that are written by hand.</summary>
internal static class WireSchemas
{
    private const string Key = "A key: the JSON value of a single key, an array of the values in key order of a composite one.";
    private const string Commands = "commands";
    private const string Changes = "changes";

    /// <summary>The name of a type whose wire name is another than its own; null for all others.</summary>
    public static string? NameOf(Type type) => type switch
    {
        _ when type == typeof(PushEnvelope) => "PushRequest",
        _ when type == typeof(CommandShape) => "PushCommand",
        _ when type == typeof(ChangesPageTail) => "ChangesPage",
        _ when type == typeof(HealthShape) => "Health",
        _ => null,
    };

    /// <summary>Its meaning depends on the member it stands in, so it has no name.</summary>
    public static bool IsInline(Type type) => (Nullable.GetUnderlyingType(type) ?? type) == typeof(RawJson);

    public static async Task TransformAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        var type = context.JsonTypeInfo.Type;
        PlainNumbers(schema);
        if (IsInline(type))
        {
            Raw(schema, context.JsonPropertyInfo);
        }
        else if (type == typeof(PushEnvelope))
        {
            schema.Description = "The body of a push.";
            await AddListAsync(schema, Commands, typeof(CommandShape), "In the order in which they are to be executed.", context, cancellationToken).ConfigureAwait(false);
        }
        else if (type == typeof(ChangesPageTail))
        {
            schema.Description = "One page of changes.";
            await AddListAsync(schema, Changes, typeof(WireChange), "Ordered by position, entity type and id.", context, cancellationToken).ConfigureAwait(false);
        }
        else if (type == typeof(IReadOnlyList<RawJson>))
        {
            schema.Items = new OpenApiSchema { Description = Key };
        }
        else if (type.IsEnum)
        {
            schema.Type = JsonSchemaType.String;
            schema.Enum = [.. Enum.GetNames(type).Select(n => System.Text.Json.Nodes.JsonValue.Create(n))];
        }
    }

    private static async Task AddListAsync(
        OpenApiSchema schema, string member, Type item, string description, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        var name = NameOf(item) ?? item.Name;
        var shape = await context.GetOrCreateSchemaAsync(item, cancellationToken: cancellationToken).ConfigureAwait(false);
        context.Document!.AddComponent(name, shape);
        schema.Properties ??= new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal);
        schema.Properties[member] = new OpenApiSchema
        {
            Type = JsonSchemaType.Array,
            Description = description,
            Items = new OpenApiSchemaReference(name, context.Document),
        };
        schema.Required = new HashSet<string>(schema.Required ?? new HashSet<string>(), StringComparer.Ordinal) { member };
    }

    // The framework's default reads numbers from strings too; the wire's messages do not.
    private static void PlainNumbers(OpenApiSchema schema)
    {
        if (schema.Type is { } type
            && type.HasFlag(JsonSchemaType.String)
            && (type.HasFlag(JsonSchemaType.Integer) || type.HasFlag(JsonSchemaType.Number)))
        {
            schema.Type = type & ~JsonSchemaType.String;
            schema.Pattern = null;
        }
    }

    private static void Raw(OpenApiSchema schema, JsonPropertyInfo? member)
    {
        if (member?.Name.EndsWith("Id", StringComparison.Ordinal) is not false)
        {
            schema.Description = Key;
            return;
        }

        schema.Type = JsonSchemaType.Object;
        schema.AdditionalPropertiesAllowed = true;
        schema.Description = string.Equals(member.Name, "model", StringComparison.Ordinal)
            ? "The model as it was registered."
            : "A row: field name to value. null is null; an absent field is withheld and not to be touched.";
    }
}
