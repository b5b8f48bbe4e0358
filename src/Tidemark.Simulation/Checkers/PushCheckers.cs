using System.Text.Json;

namespace Tidemark.Simulation.Checkers;

/// <summary>A frozen command is never rewritten: whenever it is sent again it is the same, byte for byte.</summary>
internal sealed class FrozenChecker : IChecker
{
    private readonly Dictionary<(string User, string Command), string> _sent = [];

    public string Name => "frozen";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is not ExchangeSeen { Path: "/sync/push" } push)
        {
            return;
        }

        using var request = JsonDocument.Parse(push.Request);
        foreach (var command in request.RootElement.GetProperty("commands").EnumerateArray())
        {
            if (command.TryGetProperty("operation", out var operation) && operation.GetString() == "OFFER")
            {
                continue; // Its id names the lost row version; what the row refers to may have got another id since.
            }

            var id = command.GetProperty("id").GetString()!;
            var text = command.GetRawText();
            if (!_sent.TryAdd((push.User, id), text) && _sent[(push.User, id)] != text)
            {
                violation($"{push.Device} sends command {id} as {text}; it was sent before as {_sent[(push.User, id)]}");
            }
        }
    }
}

/// <summary>The server takes the requests of one store in their order, each once: a late one, and one of a copy that counts on its own, is not executed.</summary>
internal sealed class PushOrderChecker : IChecker
{
    private readonly Dictionary<(string User, string Store), (long Number, string Operation)> _last = [];

    public string Name => "push-order";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is ServerRestored)
        {
            _last.Clear();
        }

        if (seen is not ExchangeSeen { Path: "/sync/push", Status: 200 } push)
        {
            return;
        }

        using var request = JsonDocument.Parse(push.Request);
        var store = (push.User, request.RootElement.GetProperty("storeId").GetString()!);
        var now = (Number: request.RootElement.GetProperty("pushSeq").GetInt64(), Operation: request.RootElement.GetProperty("syncOperationId").GetString()!);
        if (_last.TryGetValue(store, out var last) && (now.Number < last.Number || (now.Number == last.Number && now.Operation != last.Operation)))
        {
            violation($"the server executes push {now.Number} of {push.Device} after push {last.Number} of the same store");
            return;
        }

        _last[store] = now;
    }
}
