using System.Text.Json;

namespace Tidemark.Simulation.Checkers;

/// <summary>Invariant 1: whatever row a transaction of the app changed, a note of it was committed with it.</summary>
internal sealed class CaptureChecker : IChecker
{
    public string Name => "capture";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is EditSeen { Facts.Uncaptured: { Count: > 0 } uncaptured } edit)
        {
            violation($"{edit.Device}: changed without a note: {string.Join(", ", uncaptured)}");
        }
    }
}

/// <summary>What a device knows of a row only gets newer: a pulled version older than the one it knows, or than the deletion it knows, is dropped. What a restored server has lost is not held against anyone.</summary>
internal sealed class KnowledgeChecker : IChecker
{
    private readonly Dictionary<string, Dictionary<(string Type, string Key), long>> _known = new(StringComparer.Ordinal);
    private long _lost;

    public string Name => "knowledge";

    public void Observe(Observation seen, Action<string> violation)
    {
        switch (seen)
        {
            case ServerRestored:
                _lost = _known.Values.SelectMany(k => k.Values).DefaultIfEmpty(_lost).Max();
                break;
            case FileReplaced file:
                _known.Remove(file.Device);
                break;
            case RunSeen { Resynced: true } run:
                _known.Remove(run.Device);
                break;
            case DeviceSeen { Books.Resync: not null } device:
                _known.Remove(device.Device);
                break;
            case DeviceSeen device:
                Check(device, violation);
                break;
        }
    }

    private void Check(DeviceSeen device, Action<string> violation)
    {
        var known = _known.TryGetValue(device.Device, out var before) ? before : _known[device.Device] = [];
        foreach (var (type, key, version) in device.Books.Rows)
        {
            if (known.GetValueOrDefault((type, key)) is var former && former > version && former > _lost)
            {
                violation($"{device.Device}: {type} {key} is known as of {version}; it was known as of {former} before");
            }

            known[(type, key)] = version;
        }

        foreach (var (type, key, version) in device.Books.Deleted)
        {
            known[(type, key)] = Math.Max(version, known.GetValueOrDefault((type, key)));
        }
    }
}

/// <summary>
/// Invariant 4: a pull is all or nothing. A row version beyond the cursors is on the device only when a verdict brought it; so whatever
/// ends a process in the middle of an apply, the rows are as they were before it, or all are there and so are the cursors.
/// </summary>
internal sealed class AllOrNothingChecker : IChecker
{
    private readonly Dictionary<string, HashSet<long>> _told = new(StringComparer.Ordinal);

    public string Name => "all-or-nothing";

    public void Observe(Observation seen, Action<string> violation)
    {
        switch (seen)
        {
            case ExchangeSeen { Path: "/sync/push" or "/sync/verdicts" or "/sync/rows", Status: 200 } answer:
                using (var reply = JsonDocument.Parse(answer.Reply))
                {
                    Note(reply.RootElement, Told(answer.Device));
                }

                break;
            case DeviceCloned clone:
                Told(clone.Device).UnionWith(Told(clone.From));
                break;
            case DeviceSeen device:
                Check(device, violation);
                break;
        }
    }

    private void Check(DeviceSeen device, Action<string> violation)
    {
        var told = Told(device.Device);
        if (device.Books is { Resync: null, Cursors.Count: > 0 } books)
        {
            var applied = books.Cursors.Max(c => c.Position);
            foreach (var (type, key, version) in books.Rows.Where(r => r.Version > applied && !told.Contains(r.Version)).Take(1))
            {
                violation($"{device.Device}: {type} {key} is there as of {version}, and the cursors stand at {applied}: rows and cursors of one pull are not one commit");
            }
        }

        // Cursors of a restored server begin again below what the device has kept.
        told.UnionWith(device.Books.Rows.Select(r => r.Version));
    }

    private static void Note(JsonElement element, HashSet<long> told)
    {
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
            {
                Note(item, told);
            }
        }
        else if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in element.EnumerateObject())
            {
                if (property.Name is "version" or "serverVersion" && property.Value.TryGetInt64(out var version))
                {
                    told.Add(version);
                }

                Note(property.Value, told);
            }
        }
    }

    private HashSet<long> Told(string device) => _told.TryGetValue(device, out var told) ? told : _told[device] = [];
}

/// <summary>At the very end the doctor, too, finds every store in order.</summary>
internal sealed class DoctorChecker : IChecker
{
    public string Name => "doctor";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is Examined { Faults: { Count: > 0 } faults } examined)
        {
            violation($"{examined.Device}: {string.Join("; ", faults)}");
        }
    }
}
