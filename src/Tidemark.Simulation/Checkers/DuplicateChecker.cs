using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Checkers;

/// <summary>
/// What refers to a row that was merged into another one, and the device that merged them had not seen, is neither deleted nor left without parent when the row goes: it
/// follows. Looked for at the push that takes the row from the server. A row of which an app has deleted anything itself is left out, and what a restored server knows.
/// </summary>
internal sealed class DuplicateChecker(RandomSchema schema) : IChecker
{
    private readonly Dictionary<(string Device, string Gone), string> _merges = [];
    private readonly HashSet<string> _merged = new(StringComparer.Ordinal);
    private readonly HashSet<string> _gone = new(StringComparer.Ordinal);
    private readonly HashSet<(string Row, string Reference)> _takenOff = [];
    private readonly Dictionary<string, DatabaseImage> _before = new(StringComparer.Ordinal);
    private string _pusher = "";
    private bool _isRestored;

    public string Name => "duplicates";

    public void Observe(Observation seen, Action<string> violation)
    {
        switch (seen)
        {
            case EditSeen edit:
                foreach (var row in edit.Facts.Gone)
                {
                    _gone.Add(row.Row);
                    _merges.Remove((edit.Device, row.Row));
                }

                _takenOff.UnionWith(edit.Facts.Attached.Where(a => a.Parent is null).Select(a => (a.Row, a.Reference)));
                break;
            case DuplicatesMerged merge:
                foreach (var (gone, stays) in merge.Pairs)
                {
                    _merges[(merge.Device, gone)] = stays;
                    _merged.Add(gone);
                }

                break;
            case ServerRestored:
                _isRestored = true;
                break;
            case ExchangeSeen { Path: "/sync/push" } push:
                _pusher = push.Device;
                break;
            case ServerSeen server:
                if (!_isRestored && _merges.Count > 0 && _before.TryGetValue(server.User, out var before))
                {
                    Look(before, server.Rows, violation);
                }

                _before[server.User] = server.Rows;
                break;
        }
    }

    private void Look(DatabaseImage before, DatabaseImage now, Action<string> violation)
    {
        var there = TagsOf(now);
        var went = TagsOf(before).Except(there, StringComparer.Ordinal).ToHashSet(StringComparer.Ordinal);
        var followed = went.Where(w => _merges.ContainsKey((_pusher, w)) && there.Contains(StaysFor(w))).ToHashSet(StringComparer.Ordinal);
        foreach (var table in followed.Count == 0 ? [] : schema.Tables.Where(t => !t.KeyIsIdentity))
        {
            var rowsNow = now.Rows(table).ToLookup(r => EditFacts.TagOf(table, r), StringComparer.Ordinal);
            foreach (var row in before.Rows(table))
            {
                Look(table, row, before, rowsNow[EditFacts.TagOf(table, row)].FirstOrDefault(), went, followed, violation);
            }
        }
    }

    private void Look(TableShape table, Model.Values.Value[] row, DatabaseImage before, Model.Values.Value[]? rowNow, HashSet<string> went, HashSet<string> followed, Action<string> violation)
    {
        var tag = EditFacts.TagOf(table, row);
        var parents = table.References.Select(r => (Reference: r, Parent: EditFacts.ParentOf(before, table, r, row, out var parent) ? parent : null)).Where(p => p.Parent is not null).ToList();
        if (_gone.Contains(tag) || _merged.Contains(tag) || parents.Exists(p => went.Contains(p.Parent!) && !followed.Contains(p.Parent!)))
        {
            return; // Somebody meant it, or it went with another parent.
        }

        foreach (var (reference, parent) in parents.Where(p => followed.Contains(p.Parent!)))
        {
            if (rowNow is null)
            {
                violation($"{table.Name} <{tag}> went with <{parent}>, which {_pusher} had merged into <{StaysFor(parent!)}>");
            }
            else if (!_takenOff.Contains((tag, reference.Name)) && reference.Columns.All(c => rowNow[((IList<string>)table.Columns).IndexOf(c)].IsNull))
            {
                violation($"{table.Name} <{tag}>.{reference.Name} hangs on nothing since {_pusher} merged <{parent}> into <{StaysFor(parent!)}>");
            }
        }
    }

    private string StaysFor(string gone)
    {
        var stays = gone;
        for (var steps = 0; steps < _merges.Count && _merges.TryGetValue((_pusher, stays), out var next); steps++)
        {
            stays = next;
        }

        return stays;
    }

    private HashSet<string> TagsOf(DatabaseImage rows) =>
        schema.Tables.SelectMany(t => rows.Rows(t).Select(r => EditFacts.TagOf(t, r))).ToHashSet(StringComparer.Ordinal);
}
