using System.Globalization;
using Tidemark.Model.Values;
using Tidemark.Simulation.Workload;

namespace Tidemark.Simulation.Checkers;

/// <summary>
/// The promise of promises: a write that returned is in the end state, or a later write stands in its place, or its row was deleted,
/// or it waits or was refused where a person can see it, or it went with a file that was lost before it was sent.
/// </summary>
/// <remarks>
/// Every word names the one its writer saw before. So a word was lost when the end state shows one of those that came before it:
/// whoever writes later puts a word there that is no forebear. Rows that were ever deleted, by an app or by the server's rules, are
/// only held to being there or not: what restores them is a whole row as its device knew it. A row that got another key on one device
/// and was edited on another may stand under both: its words may be in either. Where a row was made since under the key that one left, the edit is one of that row.
/// </remarks>
internal sealed class LostEditChecker(RandomSchema schema) : IChecker
{
    private readonly Dictionary<string, (string Device, string User, WordWritten Word)> _words = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Device, string User, RowFact Row)> _made = new(StringComparer.Ordinal);
    private readonly HashSet<string> _gone = new(StringComparer.Ordinal);
    private readonly HashSet<string> _goneKeys = new(StringComparer.Ordinal);
    private readonly HashSet<string> _excused = new(StringComparer.Ordinal);
    private readonly HashSet<string> _fromLostFiles = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<string>> _onServer = new(StringComparer.Ordinal);
    private readonly Dictionary<(string User, string Row, string Field), string> _shown = []; // by the server
    private readonly Dictionary<string, string> _followers = new(StringComparer.Ordinal); // The word that the server showed next in its place.
    private IReadOnlyList<string> _beside = [];
    private readonly HashSet<string> _copied = new(StringComparer.Ordinal);
    private readonly HashSet<string> _lostByRestore = new(StringComparer.Ordinal);
    private readonly HashSet<string> _restored = new(StringComparer.Ordinal);
    private readonly Aliases _aliases = new();
    private readonly Dictionary<string, string> _left = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _under = new(StringComparer.Ordinal);
    private readonly HashSet<string> _natural = schema.Tables.Where(t => t.KeyIsIdentity).Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
    private readonly HashSet<string> _moved = new(StringComparer.Ordinal);

    public string Name => "lost-edit";

    public void Observe(Observation seen, Action<string> violation)
    {
        switch (seen)
        {
            case EditSeen edit:
                Note(edit);
                break;
            case FileReplaced file:
                Replace(file);
                break;
            case ServerRestored restored:
                _restored.UnionWith(_onServer.Keys);
                _shown.Clear();
                Unanswered(restored.Unanswered);
                break;
            case CopyKept or DeviceCloned:
                // Whoever gets the copy sends what waits in it, later than its writer did.
                _copied.UnionWith(_words.Where(w => !OnServer(w.Value.User).Contains(w.Key)).Select(w => w.Key));
                break;
            case ServerCompacted compacted:
                Unanswered(compacted.Unanswered);
                // A restored server that has forgotten its commits cannot tell a device that knows a lost one from one that was away too long.
                _excused.UnionWith(_lostByRestore.Where(w => !_onServer.Values.Any(s => s.Contains(w))));
                _lostByRestore.Clear();
                break;
            case ExchangeSeen { Path: "/sync/push", Status: 200 } push:
                _beside = MadeBesideDeletion.In(push);
                break;
            case ServerSeen server:
                Note(server);
                break;
            case Quiet quiet:
                foreach (var server in quiet.Replicas.Where(r => r.Device.Length == 0))
                {
                    Check(server, quiet.Replicas, violation);
                }

                break;
        }
    }

    private static string Place(string table, string key) => table + " " + key;

    private static long NumberOf(string word) => long.Parse(word.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture);

    private void Note(EditSeen edit)
    {
        foreach (var row in edit.Facts.Made)
        {
            _made[row.Row] = (edit.Device, edit.User, row);
            if (_left.TryGetValue(edit.User + " " + Place(row.Table, row.Key), out var former))
            {
                _aliases.Link([(former, row.Row)]);
            }
        }

        foreach (var word in edit.Facts.Words)
        {
            _words.TryAdd(word.Word, (edit.Device, edit.User, word));
        }

        // Two devices bring two rows under one key that is all there is of their identity: there the later one's words stand in the row of the other.
        foreach (var row in edit.Facts.Made.Concat(edit.Facts.Moved).Where(r => _natural.Contains(r.Table)))
        {
            var place = edit.User + " " + Place(row.Table, row.Key);
            if (_under.TryGetValue(place, out var other) && other != row.Row)
            {
                _aliases.Link([(other, row.Row)]);
            }

            _under[place] = row.Row;
        }

        _aliases.Link(edit.Facts.Replaced);
        _moved.UnionWith(edit.Facts.Moved.Select(r => r.Row));
        foreach (var row in edit.Facts.Left)
        {
            _left[edit.User + " " + Place(row.Table, row.Key)] = row.Row;
        }

        foreach (var row in edit.Facts.Gone)
        {
            _gone.Add(row.Row);
            _goneKeys.Add(Place(row.Table, row.Key));
        }
    }

    // What was carried out, and is sent again because no answer came and the verdict is forgotten, comes later than its writer wrote it.
    private void Unanswered(IReadOnlyList<string> commands) => _copied.UnionWith(_words.Keys.Where(w => commands.Any(c => c.Contains('"' + w + '"', StringComparison.Ordinal))));

    private void Replace(FileReplaced file)
    {
        foreach (var word in _words.Where(w => w.Value.Device == file.Device).Select(w => w.Key).Concat(_made.Where(m => m.Value.Device == file.Device).Select(m => m.Key)).ToList())
        {
            if (NumberOf(word) > file.WordsKept)
            {
                var user = _words.TryGetValue(word, out var written) ? written.User : _made[word].User;
                (OnServer(user).Contains(word) ? _fromLostFiles : _excused).Add(word);
            }
        }
    }

    private void Note(ServerSeen server)
    {
        var now = new HashSet<string>(StringComparer.Ordinal);
        foreach (var table in schema.Tables)
        {
            foreach (var row in server.Rows.Rows(table))
            {
                now.Add(EditFacts.TagOf(table, row));
                for (var i = 0; i < table.Words.Count; i++)
                {
                    var word = row[table.TagAt + 1 + i].ToString();
                    now.Add(word);
                    NoteFollower((server.User, EditFacts.TagOf(table, row), table.Words[i]), word);
                }
            }
        }

        var before = OnServer(server.User);
        if (_restored.Remove(server.User))
        {
            // What only the server had is gone with it, when the file that it came from is gone as well.
            _excused.UnionWith(_fromLostFiles.Where(w => !now.Contains(w)));
            _lostByRestore.UnionWith(before.Where(w => !now.Contains(w)));
            before.Clear();
        }
        else
        {
            _gone.UnionWith(before.Concat(_beside).Where(w => _made.ContainsKey(w) && !now.Contains(w)));
        }

        _beside = [];

        before.UnionWith(now);
    }

    private void NoteFollower((string User, string Row, string Field) place, string word)
    {
        if (_shown.TryGetValue(place, out var former) && former != word)
        {
            _followers[former] = word;
        }

        _shown[place] = word;
    }

    private HashSet<string> OnServer(string user) => _onServer.TryGetValue(user, out var words) ? words : _onServer[user] = new HashSet<string>(StringComparer.Ordinal);

    private void Check(ReplicaAtRest server, IReadOnlyList<ReplicaAtRest> replicas, Action<string> violation)
    {
        foreach (var table in schema.Tables)
        {
            var byTag = server.Rows.Rows(table).ToLookup(r => EditFacts.TagOf(table, r), StringComparer.Ordinal);
            var byKey = new Dictionary<string, Value[]>(StringComparer.Ordinal);
            foreach (var row in server.Rows.Rows(table))
            {
                byKey[EditFacts.KeyOf(table, row)] = row;
            }

            foreach (var (device, _, made) in _made.Values.Where(m => m.User == server.User && m.Row.Table == table.Name))
            {
                if (!byTag.Contains(made.Row) && !(table.KeyIsIdentity && (byKey.ContainsKey(made.Key) || _goneKeys.Contains(Place(table.Name, made.Key)) || IsDeleted(made, replicas))) && !IsExcused(made.Row, made.Row, table, device, replicas))
                {
                    violation($"{table.Name} <{made.Row}>, made by {device}, is nowhere and nobody deleted it");
                }
            }

            foreach (var (device, _, word) in _words.Values.Where(w => w.User == server.User && w.Word.Table == table.Name))
            {
                var at = table.TagAt + 1 + table.Words.ToList().IndexOf(word.Field);
                var rows = byTag[word.Row];
                if (rows.Any() && rows.All(r => IsForebear(r[at].ToString(), word)) && !IsExcused(word.Word, word.Row, table, device, replicas) && !IsFollowedInRecord(word.Word, replicas) && !StandsInOther(word, _aliases[word.Row].SelectMany(t => byTag[t]).Select(r => r[at].ToString())))
                {
                    violation($"{table.Name} <{word.Row}>.{word.Field}: {word.Word}, written by {device} over {word.Former ?? "nothing"}, is lost; the server shows {string.Join(" and ", rows.Select(r => r[at].ToString()))}");
                }
            }
        }
    }

    // One push may make a row and delete it: the server is never seen with it.
    private static bool IsDeleted(RowFact row, IReadOnlyList<ReplicaAtRest> replicas) =>
        replicas.Any(r => r.Books?.Deleted.Any(d => d.Type == row.Table && d.Key.Trim('"') == row.Key) == true);

    private bool IsExcused(string word, string row, TableShape table, string device, IReadOnlyList<ReplicaAtRest> replicas) =>
        _gone.Contains(row) || _excused.Contains(word) || _excused.Contains(row)
        || replicas.Any(r => r.Device == device && r.OpenTypes.Contains(table.Name)) || IsRecorded(word, replicas);

    private static bool IsRecorded(string word, IReadOnlyList<ReplicaAtRest> replicas) => replicas.Any(r => r.Recorded.Any(t => t.Contains('"' + word + '"', StringComparison.Ordinal)));

    // A record keeps the last word of those that were lost or that a deletion took along: one that was written on top of this one, or that was merged with it and stood in its place.
    private bool IsFollowedInRecord(string word, IReadOnlyList<ReplicaAtRest> replicas)
    {
        var recorded = _words.Values.Where(w => IsRecorded(w.Word.Word, replicas)).Select(w => w.Word).ToList();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var at = word; at is not null && seen.Add(at); at = _followers.GetValueOrDefault(at))
        {
            if (recorded.Exists(w => (w.Word == at && at != word) || IsAfter(w, at)))
            {
                return true;
            }
        }

        return false;
    }

    private bool StandsInOther(WordWritten word, IEnumerable<string> shown) =>
        _moved.Overlaps(_aliases[word.Row]) && (shown.Any(s => !IsForebear(s, word)) || _gone.Overlaps(_aliases[word.Row]));

    private bool IsAfter(WordWritten word, string former)
    {
        for (var before = word.Former; before is not null; before = _words.TryGetValue(before, out var written) ? written.Word.Former : null)
        {
            if (before == former)
            {
                return true;
            }
        }

        return false;
    }

    private bool IsForebear(string shown, WordWritten word)
    {
        for (var former = word.Former; former is not null; former = _words.TryGetValue(former, out var written) ? written.Word.Former : null)
        {
            if (former == shown)
            {
                return !_copied.Contains(shown);
            }
        }

        return false;
    }
}
