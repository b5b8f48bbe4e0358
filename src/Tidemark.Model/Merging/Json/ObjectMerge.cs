using System.Text;
using System.Text.Json;
using Tidemark.Model.Values;

namespace Tidemark.Model.Merging;

/// <summary>
/// Three canonical JSON objects become one: each member goes by who changed it, to any depth. A member that one side took out and the other
/// changed stays changed. A value that both changed is the pending edit's; arrays are values.
/// </summary>
internal static class ObjectMerge
{
    private const int NamedMax = 5;

    /// <param name="base">The object both started from.</param>
    /// <param name="local">The one here.</param>
    /// <param name="remote">The one of the server.</param>
    /// <param name="note">The members that both changed to different values; null when there are none.</param>
    public static string Merge(JsonElement @base, JsonElement local, JsonElement remote, out string? note)
    {
        var both = new List<string>();
        var merged = Merge("", @base, local, remote, both);
        note = both.Count == 0 ? null
            : $"both changed {string.Join(", ", both.Take(NamedMax))}{(both.Count > NamedMax ? $" and {both.Count - NamedMax} more" : "")}; the pending edit stands";
        return merged;
    }

    internal static string Merge(string path, JsonElement @base, JsonElement local, JsonElement remote, List<string> both)
    {
        var (was, mine, theirs) = (Members(@base), Members(local), Members(remote));
        var json = new StringBuilder("{");
        foreach (var name in mine.Keys.Union(theirs.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            if (Member(path + "/" + name, Find(was, name), Find(mine, name), Find(theirs, name), both) is { } value)
            {
                json.Append(json.Length > 1 ? "," : "").Append(Quoted(name)).Append(':').Append(value);
            }
        }

        return json.Append('}').ToString();
    }

    private static string? Member(string path, JsonElement? was, JsonElement? mine, JsonElement? theirs, List<string> both)
    {
        var (before, here, there) = (was?.GetRawText(), mine?.GetRawText(), theirs?.GetRawText());
        if (string.Equals(here, there, StringComparison.Ordinal) || string.Equals(there, before, StringComparison.Ordinal))
        {
            return here;
        }

        if (string.Equals(here, before, StringComparison.Ordinal))
        {
            return there;
        }

        if (mine is not { } local || theirs is not { } remote)
        {
            return here ?? there;
        }

        if (local.ValueKind == JsonValueKind.Object && remote.ValueKind == JsonValueKind.Object)
        {
            return Merge(path, was is { ValueKind: JsonValueKind.Object } @base ? @base : default, local, remote, both);
        }

        both.Add(path);
        return here;
    }

    private static Dictionary<string, JsonElement> Members(JsonElement element)
    {
        var members = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in element.EnumerateObject())
            {
                members[member.Name] = member.Value;
            }
        }

        return members;
    }

    private static JsonElement? Find(Dictionary<string, JsonElement> members, string name) => members.TryGetValue(name, out var value) ? value : null;

    private static string Quoted(string name)
    {
        using var writer = new CanonicalJsonWriter();
        writer.WriteString(name);
        return Encoding.UTF8.GetString(writer.Written);
    }
}
