using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Merging;

/// <summary>
/// Fields that hold JSON arrays or objects. NULL counts as an empty one. Where a side holds something else, that one value cannot be merged:
/// the pending edit stands. A base that is something else counts as empty: nothing was there before.
/// </summary>
internal static class JsonStrategies
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64 };

    public static FieldDecision Arrays(in FieldConflict conflict) => Decide(conflict, JsonValueKind.Array, "array");

    public static FieldDecision Objects(in FieldConflict conflict) => Decide(conflict, JsonValueKind.Object, "object");

    private static FieldDecision Decide(in FieldConflict conflict, JsonValueKind kind, string what)
    {
        try
        {
            if (Parse(conflict.Field, conflict.Local, kind) is not { } local)
            {
                return FieldDecision.Fallback(conflict, $"the value here is no JSON {what}");
            }

            if (Parse(conflict.Field, conflict.Remote, kind) is not { } remote)
            {
                return FieldDecision.Fallback(conflict, $"the value of the server is no JSON {what}");
            }

            var @base = Parse(conflict.Field, conflict.Base, kind) ?? Empty(kind);
            string? note = null;
            var merged = kind == JsonValueKind.Array
                ? ArrayMerge.Merge(@base, local, remote, conflict.Field.ArrayKey)
                : ObjectMerge.Merge(@base, local, remote, out note);
            var isNothing = merged is "[]" or "{}" && (conflict.Local.IsNull || conflict.Remote.IsNull);
            return FieldDecision.Of(conflict, isNothing ? Value.Null : Value.Text(merged), note);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or ArgumentException)
        {
            return FieldDecision.Fallback(conflict, "a value is no JSON");
        }
    }

    // Null: not what the policy works on.
    private static JsonElement? Parse(Field field, Value value, JsonValueKind kind)
    {
        if (value.IsNull || value.IsAbsent)
        {
            return Empty(kind);
        }

        if (value.Kind != ValueKind.Text)
        {
            return null;
        }

        try
        {
            var text = field.Type == FieldType.Json ? value.AsText : JsonForm.OfStored(value.AsText);
            using var document = JsonDocument.Parse(text, Options);
            return document.RootElement.ValueKind == kind ? document.RootElement.Clone() : null;
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException)
        {
            return null;
        }
    }

    private static JsonElement Empty(JsonValueKind kind)
    {
        using var document = JsonDocument.Parse(kind == JsonValueKind.Array ? "[]" : "{}");
        return document.RootElement.Clone();
    }
}
