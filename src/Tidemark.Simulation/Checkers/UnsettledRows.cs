using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Checkers;

/// <summary>
/// Rows of which nobody can say without knowing the order what becomes of two edits: those that were ever deleted, replaced, or moved to another
/// key; those that two people may make under one key; those that were on a file that was copied or lost, or on a server before it was restored.
/// </summary>
internal sealed class UnsettledRows(RandomSchema schema)
{
    private readonly HashSet<string> _made = new(StringComparer.Ordinal);
    private readonly HashSet<string> _left = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _touched = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _onServer = new(StringComparer.Ordinal);

    public bool Has(string row) => _left.Contains(row);

    public void Observe(Observation seen)
    {
        switch (seen)
        {
            case EditSeen edit:
                _made.UnionWith(edit.Facts.Made.Select(r => r.Row));
                Touched(edit.Device).UnionWith(edit.Facts.Touched);
                _left.UnionWith(edit.Facts.Made.Concat(edit.Facts.Moved).Where(r => schema.Tables.Single(t => t.Name == r.Table).KeyIsIdentity).Select(r => r.Row));
                _left.UnionWith(edit.Facts.Moved.Concat(edit.Facts.Gone).Select(r => r.Row));
                _left.UnionWith(edit.Facts.Replaced.SelectMany(r => new[] { r.Former, r.Now }));
                break;
            case CopyKept copy:
                _left.UnionWith(Touched(copy.Device));
                break;
            case DeviceCloned clone:
                _left.UnionWith(Touched(clone.From));
                break;
            case FileReplaced file:
                _left.UnionWith(Touched(file.Device));
                break;
            case ServerRestored:
                _left.UnionWith(_made);
                break;
            case ServerSeen server:
                var now = schema.Tables.SelectMany(t => server.Rows.Rows(t).Select(r => EditFacts.TagOf(t, r))).ToHashSet(StringComparer.Ordinal);
                _left.UnionWith(_onServer.GetValueOrDefault(server.User, []).Except(now));
                _onServer[server.User] = now;
                break;
        }
    }

    private HashSet<string> Touched(string device) => _touched.TryGetValue(device, out var rows) ? rows : _touched[device] = new HashSet<string>(StringComparer.Ordinal);
}
