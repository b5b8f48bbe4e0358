using Tidemark.Model.Entities;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Checkers;

/// <summary>
/// Who wins where two devices wrote a word. SERVER_WINS: what the server has is only ever followed by a word whose writer had seen it.
/// LAST_WRITER_WINS and LOCAL_WINS: each word reaches the server, unless its own device wrote another one over it.
/// </summary>
internal sealed class WordPolicyChecker(RandomSchema schema) : IChecker
{
    private readonly UnsettledRows _unsettled = new(schema);
    private readonly Dictionary<string, (string User, WordWritten Word)> _words = new(StringComparer.Ordinal);
    private readonly HashSet<string> _writtenOver = new(StringComparer.Ordinal);
    private readonly HashSet<string> _onServer = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Table, string Row, string Field), string> _shown = [];

    public string Name => "policy";

    public void Observe(Observation seen, Action<string> violation)
    {
        _unsettled.Observe(seen);
        switch (seen)
        {
            case EditSeen edit:
                foreach (var word in edit.Facts.Words)
                {
                    _words.TryAdd(word.Word, (edit.User, word));
                    _writtenOver.Add(word.Former ?? "");
                }

                break;
            case ServerSeen server:
                Look(server, violation);
                break;
            case Quiet quiet:
                foreach (var server in quiet.Replicas.Where(r => r.Device.Length == 0))
                {
                    Check(server, quiet.Replicas.Where(r => r.User == server.User).SelectMany(r => r.OpenTypes).ToHashSet(StringComparer.Ordinal), violation);
                }

                break;
        }
    }

    private void Look(ServerSeen server, Action<string> violation)
    {
        foreach (var table in schema.Tables.Where(t => t.WordPolicies.Count > 0))
        {
            foreach (var (row, at) in server.Rows.Rows(table).SelectMany(r => Enumerable.Range(0, table.Words.Count).Select(i => (r, i))))
            {
                var tag = EditFacts.TagOf(table, row);
                var word = row[table.TagAt + 1 + at].ToString();
                var place = (table.Name, tag, table.Words[at]);
                if (table.WordPolicies[at] == FieldPolicy.ServerWins && !_unsettled.Has(tag) && _shown.TryGetValue(place, out var former) && former != word && !IsOver(word, former))
                {
                    violation($"{table.Name} <{tag}>.{table.Words[at]} was {former} on the server and is {word}, whose writer had not seen it: the server's should have stood");
                }

                _shown[place] = word;
                _onServer.Add(word);
            }
        }
    }

    private void Check(ReplicaAtRest server, HashSet<string> open, Action<string> violation)
    {
        foreach (var table in schema.Tables.Where(t => t.WordPolicies.Count > 0 && !open.Contains(t.Name)))
        {
            var there = server.Rows.Rows(table).Select(r => EditFacts.TagOf(table, r)).ToHashSet(StringComparer.Ordinal);
            foreach (var (_, word) in _words.Values.Where(w => w.User == server.User && w.Word.Table == table.Name && there.Contains(w.Word.Row) && !_unsettled.Has(w.Word.Row)))
            {
                var policy = table.WordPolicies[((IList<string>)table.Words).IndexOf(word.Field)];
                if (policy is FieldPolicy.LastWriterWins or FieldPolicy.LocalWins && !_onServer.Contains(word.Word) && !_writtenOver.Contains(word.Word))
                {
                    violation($"{table.Name} <{word.Row}>.{word.Field}: {word.Word} never reached the server, although its policy is {policy}");
                }
            }
        }
    }

    private bool IsOver(string word, string former)
    {
        for (var before = word; before is not null; before = _words.TryGetValue(before, out var written) ? written.Word.Former : null)
        {
            if (before == former)
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>Where deletions win, a row that an app deleted is gone for good, whatever was written to it meanwhile. Rows that others hang on are left out: those keep them.</summary>
internal sealed class DeletionWinsChecker(RandomSchema schema) : IChecker
{
    private readonly Dictionary<string, (string Device, string User)> _deleted = new(StringComparer.Ordinal);
    private readonly HashSet<string> _excused = new(StringComparer.Ordinal);
    private readonly HashSet<string> _made = new(StringComparer.Ordinal);

    public string Name => "deletion-wins";

    public void Observe(Observation seen, Action<string> violation)
    {
        switch (seen)
        {
            case EditSeen edit:
                _made.UnionWith(edit.Facts.Made.Select(r => r.Row));
                _excused.UnionWith(edit.Facts.Moved.Select(r => r.Row));
                _excused.UnionWith(edit.Facts.Replaced.SelectMany(r => new[] { r.Former, r.Now }));
                if (edit.Facts.Gone.Select(r => r.Table).Distinct(StringComparer.Ordinal).Count() == 1)
                {
                    foreach (var row in edit.Facts.Gone)
                    {
                        _deleted[row.Row] = (edit.Device, edit.User);
                    }
                }

                break;
            case ServerRestored or ServerCompacted or CopyKept or DeviceCloned or FileReplaced:
                _excused.UnionWith(_made);
                break;
            case Quiet quiet:
                foreach (var server in quiet.Replicas.Where(r => r.Device.Length == 0))
                {
                    Check(server, quiet.Replicas.Where(r => r.User == server.User).SelectMany(r => r.OpenTypes).ToHashSet(StringComparer.Ordinal), violation);
                }

                break;
        }
    }

    private void Check(ReplicaAtRest server, HashSet<string> open, Action<string> violation)
    {
        foreach (var table in schema.Tables.Where(t => t.DeletionWins && !t.KeyIsIdentity && !open.Contains(t.Name) && !schema.Tables.Any(o => o.References.Any(r => r.Target == t))))
        {
            foreach (var tag in server.Rows.Rows(table).Select(r => EditFacts.TagOf(table, r)).Where(t => !_excused.Contains(t)))
            {
                if (_deleted.TryGetValue(tag, out var by))
                {
                    violation($"{table.Name} <{tag}> was deleted by {by.Device} and is there, although deletions win");
                }
            }
        }
    }
}
