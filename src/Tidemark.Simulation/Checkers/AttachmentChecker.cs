using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Checkers;

/// <summary>
/// A row hangs on a parent that somebody gave it: never on another row that happens to have the number, and on none only when somebody
/// took it off or one of its parents was ever gone. Rows whose key is their identity may be two people's, and rows whose key was ever
/// changed or taken over may be meant by either key: they are left out. A row that has the unique value of one that the same app deleted is that row under
/// another key to those who are told of both at once, so what hung on the one may hang on the other.
/// </summary>
internal sealed class AttachmentChecker(RandomSchema schema) : IChecker
{
    private readonly Dictionary<(string Table, string Row, string Reference), HashSet<string>> _given = [];
    private readonly HashSet<(string Table, string Row, string Reference)> _takenOff = [];
    private readonly HashSet<string> _gone = new(StringComparer.Ordinal);
    private readonly HashSet<string> _onServer = new(StringComparer.Ordinal);
    private readonly HashSet<string> _rekeyed = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Device, string Table, string Value), HashSet<string>> _freed = [];
    private readonly Dictionary<string, HashSet<string>> _heirs = new(StringComparer.Ordinal);
    private bool _restored;

    public string Name => "attachment";

    public void Observe(Observation seen, Action<string> violation)
    {
        switch (seen)
        {
            case EditSeen edit:
                Note(edit.Facts);
                NoteHeirs(edit);
                break;
            case DuplicatesMerged merge:
                // What refers to either means both, until the merge is taken back.
                _rekeyed.UnionWith(merge.Pairs.SelectMany(p => new[] { p.Gone, p.Stays }));
                break;
            case ServerRestored:
                _restored = true;
                break;
            case ServerSeen server:
                var now = TagsOf(server.Rows);
                _gone.UnionWith(_onServer.Where(t => t.StartsWith(server.User + "/", StringComparison.Ordinal)).Except(now.Select(t => server.User + "/" + t)).Select(t => t[(server.User.Length + 1)..]));
                _onServer.UnionWith(now.Select(t => server.User + "/" + t));
                break;
            case Quiet quiet:
                foreach (var replica in quiet.Replicas.Where(r => r.Device.Length == 0))
                {
                    Check(replica.Rows, violation);
                }

                break;
        }
    }

    private void Note(EditFacts facts)
    {
        _gone.UnionWith(facts.Gone.Select(r => r.Row));
        _rekeyed.UnionWith(facts.Moved.Select(r => r.Row));
        _rekeyed.UnionWith(facts.Replaced.SelectMany(r => new[] { r.Former, r.Now }));
        foreach (var (table, row, reference, parent) in facts.Attached)
        {
            if (parent is null)
            {
                _takenOff.Add((table, row, reference));
                continue;
            }

            SetOf(_given, (table, row, reference)).Add(parent);
        }
    }

    private void NoteHeirs(EditSeen edit)
    {
        foreach (var freed in edit.Facts.Freed)
        {
            SetOf(_freed, (edit.Device, freed.Table, freed.Value)).Add(freed.Row);
        }

        foreach (var taken in edit.Facts.Taken)
        {
            foreach (var former in _freed.TryGetValue((edit.Device, taken.Table, taken.Value), out var rows) ? rows : [])
            {
                SetOf(_heirs, former).Add(taken.Row);
            }
        }
    }

    private static HashSet<string> SetOf<TKey>(Dictionary<TKey, HashSet<string>> sets, TKey key)
        where TKey : notnull =>
        sets.TryGetValue(key, out var set) ? set : sets[key] = new(StringComparer.Ordinal);

    private bool IsHeir(string parent, IEnumerable<string> given)
    {
        var seen = new HashSet<string>(given, StringComparer.Ordinal);
        var open = new Queue<string>(seen);
        while (open.TryDequeue(out var row) && !seen.Contains(parent))
        {
            foreach (var heir in _heirs.TryGetValue(row, out var heirs) ? heirs : [])
            {
                if (seen.Add(heir))
                {
                    open.Enqueue(heir);
                }
            }
        }

        return seen.Contains(parent);
    }

    private void Check(DatabaseImage rows, Action<string> violation)
    {
        var there = TagsOf(rows);
        foreach (var table in schema.Tables.Where(t => !t.KeyIsIdentity))
        {
            foreach (var (row, reference) in rows.Rows(table).SelectMany(r => table.References.Where(f => !f.Target.KeyIsIdentity).Select(f => (r, f))))
            {
                var tag = EditFacts.TagOf(table, row);
                if (!EditFacts.ParentOf(rows, table, reference, row, out var parent) || !_given.TryGetValue((table.Name, tag, reference.Name), out var parents)
                    || _rekeyed.Contains(tag) || _rekeyed.Overlaps(parents) || (parent is not null && _rekeyed.Contains(parent)))
                {
                    continue;
                }

                if (parent is not null && !IsHeir(parent, parents))
                {
                    violation($"{table.Name} <{tag}>.{reference.Name} hangs on <{parent}>; it was only ever given {string.Join(", ", parents)}");
                }
                else if (parent is null && !_restored && !_takenOff.Contains((table.Name, tag, reference.Name)) && parents.All(g => there.Contains(g) && !_gone.Contains(g)))
                {
                    violation($"{table.Name} <{tag}>.{reference.Name} hangs on nothing; it was given {string.Join(", ", parents)}, and nobody took it off");
                }
            }
        }
    }

    private HashSet<string> TagsOf(DatabaseImage rows) =>
        schema.Tables.SelectMany(t => rows.Rows(t).Select(r => EditFacts.TagOf(t, r))).ToHashSet(StringComparer.Ordinal);
}
