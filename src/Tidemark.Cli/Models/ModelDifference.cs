using System.Text.Json.Nodes;
using Tidemark.Model.Entities;

namespace Tidemark.Cli.Models;

/// <summary>One difference of two models.</summary>
/// <param name="Sign">+ only after, - only before, ~ changed.</param>
/// <param name="Place">Type, or type and member or field.</param>
/// <param name="What">From and to; empty for what came or went.</param>
internal sealed record ModelDifference(char Sign, string Place, string What)
{
    public static IReadOnlyList<ModelDifference> Between(SyncModel before, SyncModel after)
    {
        var differences = new List<ModelDifference>();
        if (before.Version != after.Version)
        {
            differences.Add(new ModelDifference('~', "version", $"{before.Version} -> {after.Version}"));
        }

        Walk("", ByName(before), ByName(after), differences);
        return differences;
    }

    // Lists of named things (entities, fields) are compared by name, everything else as JSON.
    private static JsonObject ByName(SyncModel model)
    {
        var root = JsonNode.Parse(SyncModelJson.ToUtf8(model))!.AsObject();
        var types = Named(root["entities"]!.AsArray());
        foreach (var (_, type) in types)
        {
            type!["fields"] = Named(type["fields"]!.AsArray());
        }

        return types;
    }

    private static JsonObject Named(JsonArray items)
    {
        var named = new JsonObject();
        foreach (var item in items)
        {
            named[item!["name"]!.GetValue<string>()] = item.DeepClone();
        }

        return named;
    }

    private static void Walk(string place, JsonObject before, JsonObject after, List<ModelDifference> differences)
    {
        foreach (var name in before.Select(m => m.Key).Union(after.Select(m => m.Key), StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            var here = place.Length == 0 ? name : $"{place}.{name}";
            var (was, now) = (before[name], after[name]);
            if (JsonNode.DeepEquals(was, now))
            {
                continue;
            }

            if (was is JsonObject wasObject && now is JsonObject nowObject)
            {
                Walk(here, wasObject, nowObject, differences);
            }
            else if (was is JsonObject || now is JsonObject)
            {
                differences.Add(new ModelDifference(was is null ? '+' : '-', here.Replace(".fields.", ".", StringComparison.Ordinal), ""));
            }
            else
            {
                differences.Add(new ModelDifference('~', here.Replace(".fields.", ".", StringComparison.Ordinal), $"{Text(was)} -> {Text(now)}"));
            }
        }
    }

    private static string Text(JsonNode? node) => node?.ToJsonString() ?? "(default)";
}
