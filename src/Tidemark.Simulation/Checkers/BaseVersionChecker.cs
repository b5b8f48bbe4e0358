using System.Text.Json;

namespace Tidemark.Simulation.Checkers;

/// <summary>An edit that was made on an older version of a row than the server has is a conflict, and never accepted.</summary>
internal sealed class BaseVersionChecker : IChecker
{
    private readonly Dictionary<(string User, string Type, string Key), long> _versions = [];
    private readonly HashSet<(string Command, long Version)> _answered = []; // Sent again, a command has the verdict it had, also where a restore went back to one.

    public string Name => "base";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is ServerRestored)
        {
            _versions.Clear();
        }

        if (seen is not ExchangeSeen { Path: "/sync/push", Status: 200 } push)
        {
            return;
        }

        using var request = JsonDocument.Parse(push.Request);
        using var reply = JsonDocument.Parse(push.Reply);
        var commands = request.RootElement.GetProperty("commands").EnumerateArray().ToDictionary(c => c.GetProperty("id").GetString()!, StringComparer.Ordinal);
        var now = new List<((string, string, string) Row, long Version)>();
        foreach (var verdict in reply.RootElement.GetProperty("successful").EnumerateArray())
        {
            var id = verdict.GetProperty("commandId").GetString()!;
            var row = (push.User, verdict.GetProperty("entityType").GetString()!, verdict.GetProperty("serverId").GetRawText());
            now.Add((row, verdict.GetProperty("version").GetInt64()));
            if (_answered.Add((id, verdict.GetProperty("version").GetInt64())) && commands.TryGetValue(id, out var command) && BaseOf(command) is { } @base && _versions.TryGetValue(row, out var known) && known > @base)
            {
                violation($"the server accepts an edit of {row.Item2} {row.Item3} by {push.Device} on version {@base}; it had version {known} before");
                return;
            }
        }

        foreach (var (row, version) in now)
        {
            _versions[row] = Math.Max(version, _versions.GetValueOrDefault(row));
        }
    }

    private static long? BaseOf(JsonElement command) =>
        command.GetProperty("operation").GetString() == "UPDATE" && !command.TryGetProperty("after", out _) && command.TryGetProperty("baseVersion", out var version) ? version.GetInt64() : null;
}
