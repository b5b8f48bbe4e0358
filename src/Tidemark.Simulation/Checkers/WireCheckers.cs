using System.Text.Json;

namespace Tidemark.Simulation.Checkers;

/// <summary>Invariant 8 at the server: a command that was accepted is accepted the same way for ever, and each command of a push has exactly one verdict.</summary>
internal sealed class RepeatChecker : IChecker
{
    private readonly Dictionary<(string User, string Command), string> _accepted = [];

    public string Name => "repeat";

    public void Observe(Observation seen, Action<string> violation)
    {
        // A server that was restored, or that has forgotten what is past its retention, knows no better.
        if (seen is ServerRestored or ServerCompacted)
        {
            _accepted.Clear();
        }

        if (seen is not ExchangeSeen { Path: "/sync/push", Status: 200 } push)
        {
            return;
        }

        using var request = JsonDocument.Parse(push.Request);
        using var reply = JsonDocument.Parse(push.Reply);
        var verdicts = new List<string>();
        foreach (var accepted in reply.RootElement.GetProperty("successful").EnumerateArray())
        {
            var id = accepted.GetProperty("commandId").GetString()!;
            var effect = $"{accepted.GetProperty("entityType")} {accepted.GetProperty("serverId").GetRawText()} at {accepted.GetProperty("version").GetRawText()}";
            verdicts.Add(id);
            if (!_accepted.TryAdd((push.User, id), effect) && _accepted[(push.User, id)] != effect)
            {
                violation($"command {id} was accepted as {_accepted[(push.User, id)]} and then as {effect}");
            }
        }

        foreach (var list in new[] { "failed", "conflicts" })
        {
            verdicts.AddRange(reply.RootElement.GetProperty(list).EnumerateArray().Select(v => v.GetProperty("commandId").GetString()!));
        }

        var sent = request.RootElement.GetProperty("commands").EnumerateArray().Select(c => c.GetProperty("id").GetString()!).Order(StringComparer.Ordinal);
        if (!sent.SequenceEqual(verdicts.Order(StringComparer.Ordinal), StringComparer.Ordinal))
        {
            violation($"{push.Device} sent {request.RootElement.GetProperty("commands").GetArrayLength()} commands and has {verdicts.Count} verdicts");
        }
    }
}

/// <summary>Invariant 7 as it can be seen from outside: heads rise, a page is ordered by position and ends where it says.</summary>
internal sealed class PositionChecker : IChecker
{
    private readonly Dictionary<string, long> _heads = new(StringComparer.Ordinal);

    public string Name => "position";

    public void Observe(Observation seen, Action<string> violation)
    {
        switch (seen)
        {
            case ServerRestored:
                _heads.Clear();
                break;
            case ServerSeen server:
                if (_heads.TryGetValue(server.User, out var head) && server.Head < head)
                {
                    violation($"the head of {server.User} went back from {head} to {server.Head}");
                }

                _heads[server.User] = server.Head;
                break;
            case ExchangeSeen { Path: "/sync/changes", Status: 200 } page:
                CheckPage(page, violation);
                break;
        }
    }

    private static void CheckPage(ExchangeSeen page, Action<string> violation)
    {
        using var reply = JsonDocument.Parse(page.Reply);
        var last = 0L;
        var until = Number(reply.RootElement.GetProperty("until"));
        foreach (var change in reply.RootElement.GetProperty("changes").EnumerateArray())
        {
            var version = Number(change.GetProperty("version"));
            if (version < last || version > until)
            {
                violation($"a page for {page.Device} has position {version} after {last}, and ends at {until}");
                return;
            }

            last = version;
        }
    }

    private static long Number(JsonElement element) =>
        element.ValueKind == JsonValueKind.String ? long.Parse(element.GetString()!, System.Globalization.CultureInfo.InvariantCulture) : element.GetInt64();
}
