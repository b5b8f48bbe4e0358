using System.Text.Json;

namespace Tidemark.Health.Importing;

/// <summary>A piece of a sample that is no sample: an event, a statistic, a lap.</summary>
internal sealed record ExtraPart(string Name)
{
    public List<(string Name, string Value)> Attributes { get; } = [];

    public List<ExtraPart> Children { get; } = [];
}

/// <summary>How the members of a sample's extra part are written; docs/guides/health.md names them.</summary>
internal static class ExtraJson
{
    public static void WritePairs(Utf8JsonWriter json, string name, IReadOnlyList<(string Key, string Value)> pairs)
    {
        if (pairs.Count == 0)
        {
            return;
        }

        json.WriteStartArray(name);
        foreach (var (key, value) in pairs)
        {
            json.WriteStartArray();
            json.WriteStringValue(key);
            json.WriteStringValue(value);
            json.WriteEndArray();
        }

        json.WriteEndArray();
    }

    public static void WriteChildren(Utf8JsonWriter json, IReadOnlyList<Guid> children)
    {
        if (children.Count == 0)
        {
            return;
        }

        json.WriteStartArray("children");
        foreach (var child in children)
        {
            json.WriteStringValue(child);
        }

        json.WriteEndArray();
    }

    public static void WriteParts(Utf8JsonWriter json, IReadOnlyList<ExtraPart> parts)
    {
        if (parts.Count == 0)
        {
            return;
        }

        json.WriteStartArray("parts");
        foreach (var part in parts)
        {
            json.WriteStartObject();
            json.WriteString("element", part.Name);
            WritePairs(json, "attributes", part.Attributes);
            WriteParts(json, part.Children);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
