using System.Text.Json;
using Tidemark.Server.Leases;

namespace Tidemark.Simulation.Checkers;

/// <summary>Bulk work is done under a lease that is held, and no more leases are held than the server admits.</summary>
internal sealed class LeaseChecker(LeaseOptions options) : IChecker
{
    private const string LeasePath = "/sync/lease";
    private readonly Dictionary<string, long> _held = new(StringComparer.Ordinal);
    private readonly HashSet<string> _ofBefore = new(StringComparer.Ordinal);

    public string Name => "lease";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is ServerRestored)
        {
            // The book is an older one: leases of that time may be held again, and later ones not.
            _ofBefore.UnionWith(_held.Keys);
            _held.Clear();
        }

        if (options.Commands == 0 || seen is not ExchangeSeen { Status: 200 } exchange)
        {
            return;
        }

        foreach (var ended in _held.Where(l => l.Value <= exchange.ServerMs).Select(l => l.Key).ToList())
        {
            _held.Remove(ended);
            _ofBefore.Remove(ended);
        }

        if (exchange.Path.StartsWith(LeasePath, StringComparison.Ordinal))
        {
            Note(exchange, violation);
        }
        else if (exchange.Lease is { } lease)
        {
            if (!_held.ContainsKey(lease) && !_ofBefore.Contains(lease))
            {
                violation($"{exchange.Device}: {exchange.Path} was carried out under lease {lease}, which is not held");
            }
        }
        else if (exchange.Path == "/sync/push" && CommandsOf(exchange) > options.Commands)
        {
            violation($"{exchange.Device}: a push of {CommandsOf(exchange)} commands was carried out without a lease");
        }
    }

    private void Note(ExchangeSeen exchange, Action<string> violation)
    {
        using var reply = JsonDocument.Parse(exchange.Reply);
        if (reply.RootElement.TryGetProperty("leaseId", out var id))
        {
            _held[id.GetString()!] = exchange.ServerMs + reply.RootElement.GetProperty("expiresInMs").GetInt64();
        }
        else
        {
            _held.Remove(exchange.Path[(LeasePath.Length + 1)..]);
            _ofBefore.Remove(exchange.Path[(LeasePath.Length + 1)..]);
        }

        if (_held.Count > options.LeasesMax)
        {
            violation($"{_held.Count} leases are held; the server admits {options.LeasesMax}");
        }
    }

    private static int CommandsOf(ExchangeSeen push)
    {
        using var request = JsonDocument.Parse(push.Request);
        return request.RootElement.GetProperty("commands").GetArrayLength();
    }
}

/// <summary>A hint of something that the device has not seen in any answer makes a run due.</summary>
internal sealed class HintChecker : IChecker
{
    private bool _isRestored;

    public string Name => "hint";

    public void Observe(Observation seen, Action<string> violation)
    {
        _isRestored |= seen is ServerRestored; // What was pulled before may be ahead of all later hints.
        if (seen is HintSeen hint && !hint.IsDue && !_isRestored && hint.Position > (hint.Floor ?? 0))
        {
            violation($"{hint.Device} is told of position {hint.Position}, has seen {hint.Floor?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "nothing"}, and no run is due");
        }
    }
}

/// <summary>A receipt has an end when nothing waits, and says that a write had nothing to send only when none of its words is on the server.</summary>
internal sealed class ReceiptChecker : IChecker
{
    private readonly Dictionary<(string Device, long Write), IReadOnlyList<string>> _words = [];
    private readonly HashSet<string> _otherFiles = new(StringComparer.Ordinal);
    private bool _isRestored;

    public string Name => "receipt";

    public void Observe(Observation seen, Action<string> violation)
    {
        switch (seen)
        {
            case ReceiptSeen receipt:
                _words[(receipt.Device, receipt.Write)] = receipt.Words;
                break;
            case FileReplaced replaced:
                _otherFiles.Add(replaced.Device);
                break;
            case DeviceCloned cloned:
                _otherFiles.Add(cloned.Device);
                _otherFiles.Add(cloned.From);
                break;
            case ServerRestored:
                _isRestored = true;
                break;
            case ReceiptsAtRest rest when !_otherFiles.Contains(rest.Device) && !_isRestored:
                Check(rest, violation);
                break;
        }
    }

    private void Check(ReceiptsAtRest rest, Action<string> violation)
    {
        foreach (var write in rest.Lines.GroupBy(l => l.Write))
        {
            if (rest.Waiting == 0 && write.Any(l => l.State == "WAITING"))
            {
                violation($"{rest.Device}: nothing waits, and the receipt of write {write.Key} does");
            }

            if (write.Any(l => l.State == "ACCEPTED" && l.Version is null))
            {
                violation($"{rest.Device}: write {write.Key} was accepted as no version");
            }

            if (write.All(l => l.State == "NOTHING") && _words.TryGetValue((rest.Device, write.Key), out var words) && words.FirstOrDefault(rest.WordsThere.Contains) is { } word)
            {
                violation($"{rest.Device}: the receipt of write {write.Key} says that there was nothing to send; its word {word} is on the server");
            }
        }
    }
}
