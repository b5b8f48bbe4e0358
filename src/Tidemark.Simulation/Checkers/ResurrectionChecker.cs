using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Checkers;

/// <summary>
/// Deleted stays deleted: a row that was gone from the server comes back only with a push of a device where an edit of it, or of a row
/// below it, waited: where it hung when it was edited, or where somebody else has put it since, because the edit is merged into the row as it is.
/// After a restore of the server its devices settle among
/// themselves which version of a row made before it is the last one: those are left out, as are rows whose key is their identity.
/// </summary>
internal sealed class ResurrectionChecker(RandomSchema schema) : IChecker
{
    private readonly Dictionary<string, HashSet<string>> _there = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _gone = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _waiting = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _underWay = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Dictionary<string, List<string>>> _hangs = new(StringComparer.Ordinal);
    private readonly Aliases _aliases = new();
    private readonly HashSet<string> _unknown = new(StringComparer.Ordinal);
    private readonly HashSet<string> _made = new(StringComparer.Ordinal);
    private readonly HashSet<string> _offered = new(StringComparer.Ordinal);
    private string _pusher = "";

    public string Name => "resurrection";

    public void Observe(Observation seen, Action<string> violation)
    {
        switch (seen)
        {
            case EditSeen edit:
                Waiting(edit.Device).UnionWith(edit.Facts.Touched);
                _made.UnionWith(edit.Facts.Made.Select(r => r.Row));
                _aliases.Link(edit.Facts.Replaced);
                break;
            case FileReplaced file:
                _unknown.Add(file.Device);
                UnderWay(file.Device).UnionWith(Waiting(file.Device)); // What was sent before may arrive yet.
                break;
            case DeviceCloned clone:
                _unknown.Add(clone.Device);
                break;
            case DeviceSeen { Books: { Waiting: 0, DeadLetters: 0, Aside: 0 } } clean:
                Waiting(clean.Device).Clear();
                _unknown.Remove(clean.Device);
                break;
            case ServerRestored:
                _offered.UnionWith(_made);
                break;
            case ExchangeSeen { Path: "/sync/push" } push:
                _pusher = push.Device;
                break;
            case ServerSeen server:
                Look(server, violation);
                break;
        }
    }

    private void Look(ServerSeen server, Action<string> violation)
    {
        AddParents(_hangs.GetValueOrDefault(server.User) ?? []); // What was edited since hung where this push, or one before it, has found it.
        var now = schema.Tables.Where(t => !t.KeyIsIdentity).SelectMany(t => server.Rows.Rows(t).Select(r => EditFacts.TagOf(t, r))).ToHashSet(StringComparer.Ordinal);
        var gone = _gone.TryGetValue(server.User, out var known) ? known : _gone[server.User] = new HashSet<string>(StringComparer.Ordinal);
        if (!_unknown.Contains(_pusher) && now.FirstOrDefault(t => gone.Contains(t) && !_offered.Contains(t) && !Waits(t)) is { } back)
        {
            violation($"<{back}> was deleted and is there again after a push of {_pusher}, where nothing waited that could bring it back");
        }

        _hangs[server.User] = Parents(server);
        AddParents(_hangs[server.User]);
        gone.UnionWith(_there.GetValueOrDefault(server.User, []).Except(now));
        gone.ExceptWith(now);
        _there[server.User] = now;
    }

    // The tags of the parents of each row, as the server has them.
    private Dictionary<string, List<string>> Parents(ServerSeen server)
    {
        var parents = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var (table, reference) in schema.Tables.SelectMany(t => t.References.Select(r => (t, r))))
        {
            foreach (var row in server.Rows.Rows(table))
            {
                if (EditFacts.ParentOf(server.Rows, table, reference, row, out var parent) && parent is not null)
                {
                    var tag = EditFacts.TagOf(table, row);
                    (parents.TryGetValue(tag, out var of) ? of : parents[tag] = []).Add(parent);
                }
            }
        }

        return parents;
    }

    private void AddParents(Dictionary<string, List<string>> hangs)
    {
        foreach (var waiting in _waiting.Values.Concat(_underWay.Values))
        {
            AddParents(waiting, hangs);
        }
    }

    private void AddParents(HashSet<string> tags, Dictionary<string, List<string>> parents)
    {
        var open = new Queue<string>(tags);
        while (open.TryDequeue(out var tag))
        {
            foreach (var parent in _aliases[tag].SelectMany(t => parents.GetValueOrDefault(t, [])).Where(tags.Add))
            {
                open.Enqueue(parent);
            }
        }
    }

    private bool Waits(string tag) => Waiting(_pusher).Overlaps(_aliases[tag]) || UnderWay(_pusher).Overlaps(_aliases[tag]);

    private HashSet<string> Waiting(string device) => Of(_waiting, device);

    private HashSet<string> UnderWay(string device) => Of(_underWay, device);

    private static HashSet<string> Of(Dictionary<string, HashSet<string>> sets, string device) => sets.TryGetValue(device, out var tags) ? tags : sets[device] = new HashSet<string>(StringComparer.Ordinal);
}
