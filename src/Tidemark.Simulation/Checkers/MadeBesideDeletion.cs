using System.Text.Json;

namespace Tidemark.Simulation.Checkers;

/// <summary>Rows, by tag, that a push made while it deleted others: the deletion may have taken them along before anybody saw them on the server.</summary>
internal static class MadeBesideDeletion
{
    public static IReadOnlyList<string> In(ExchangeSeen push)
    {
        using var request = JsonDocument.Parse(push.Request);
        using var reply = JsonDocument.Parse(push.Reply);
        var accepted = reply.RootElement.GetProperty("successful").EnumerateArray().Select(v => v.GetProperty("commandId").GetString()!).ToHashSet(StringComparer.Ordinal);
        var commands = request.RootElement.GetProperty("commands").EnumerateArray().Where(c => accepted.Contains(c.GetProperty("id").GetString()!)).ToList();
        return commands.Exists(c => Is(c, "DELETE"))
            ? [.. commands.Where(c => Is(c, "CREATE") && c.GetProperty("payload").TryGetProperty("tag", out _)).Select(c => c.GetProperty("payload").GetProperty("tag").GetString()!)]
            : [];
    }

    private static bool Is(JsonElement command, string operation) => command.TryGetProperty("operation", out var name) && name.GetString() == operation;
}
