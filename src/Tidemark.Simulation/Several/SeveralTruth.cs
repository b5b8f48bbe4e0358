using System.Text.Json.Nodes;
using Tidemark.Model.Values;

namespace Tidemark.Simulation.Several;

/// <summary>
/// What was written, in the order of its time, whoever knows of it yet. An edit counts from the run that takes it up; of what nobody can tell without the order of things
/// (made, deleted and made again within one look; deleted by one while another who had not seen it wrote) nothing is asked.
/// </summary>
internal sealed class SeveralTruth(SeveralRun run)
{
    private const string There = "there";
    private const string Unclear = "?";
    private const string Removed = "removed";
    private readonly Dictionary<(string Key, string Field), (long At, string? Value)> _last = [];
    private readonly Dictionary<SeveralDevice, SortedDictionary<string, (long At, Dictionary<string, string?> Fields)>> _pending = [];
    private readonly HashSet<(string Key, string Field)> _unclear = [];
    private readonly Dictionary<string, long> _counted = [];
    private readonly Dictionary<string, HashSet<string>> _tags = [];
    private readonly HashSet<string> _everDeleted = [];
    private readonly Dictionary<string, int> _made = [];

    /// <summary>The fields in which words stand.</summary>
    public static IReadOnlyList<string> Words { get; } = ["title", "body", "secret"];

    /// <summary>The words that no run has taken up yet, in rows of which it is clear that they are to be there.</summary>
    public IReadOnlyList<(string Key, string Field, string Word)> PendingWords(SeveralDevice device) =>
        [.. PendingOf(device).Where(p => !p.Value.Fields.ContainsKey(Unclear) && p.Value.Fields.GetValueOrDefault(There) == "1").SelectMany(p => p.Value.Fields.Where(f => f.Key != There && f.Value is not null).Select(f => (p.Key, f.Key, f.Value!)))];

    public bool IsPending(SeveralDevice device, string key) => PendingOf(device).ContainsKey(key);

    public void Made(SeveralDevice device, string key, IReadOnlyDictionary<string, string> words)
    {
        _made[key] = _made.GetValueOrDefault(key) + 1;
        var fields = Words.ToDictionary(n => n, words.GetValueOrDefault, StringComparer.Ordinal);
        fields[There] = "1";
        Note(device, key, fields);
    }

    public void Edited(SeveralDevice device, string key, string field, string word) => Note(device, key, new(StringComparer.Ordinal) { [field] = word, [There] = "1" });

    /// <summary>To be called before the row goes.</summary>
    public void Deletes(SeveralDevice device, string key)
    {
        var outcome = OfDeletion(device, key);
        _everDeleted.Add(key);
        var fields = new Dictionary<string, string?>(StringComparer.Ordinal) { [There] = outcome ?? "0", [Removed] = null };
        if (outcome is null)
        {
            fields[Unclear] = null;
        }

        Note(device, key, fields);
    }

    public void Counted(SeveralDevice device, string key, int more)
    {
        _counted[key] = _counted.GetValueOrDefault(key) + more;
        Touched(device, key);
    }

    public void Tagged(SeveralDevice device, string key, string tag)
    {
        TagsOf(key).Add(tag);
        Touched(device, key);
    }

    public void Untagged(SeveralDevice device, string key, string tag)
    {
        TagsOf(key).Remove(tag);
        Touched(device, key);
    }

    /// <summary>A run takes up what the device has written.</summary>
    public void TakeUp(SeveralDevice device)
    {
        foreach (var (key, row) in PendingOf(device))
        {
            foreach (var (field, value) in row.Fields.Where(f => f.Key is not (Unclear or Removed)))
            {
                Tell(key, field, row.At, value);
            }

            foreach (var field in row.Fields.ContainsKey(Unclear) ? Words.Append(There) : [])
            {
                Tell(key, field, row.At, null);
            }
        }

        PendingOf(device).Clear();
    }

    /// <summary>I7: what was written last stands, and what was counted is the sum.</summary>
    public void Check(SeveralDevice device)
    {
        foreach (var key in _tags.Keys.Concat(_counted.Keys).Distinct().Where(k => !_everDeleted.Contains(k)).Order(StringComparer.Ordinal))
        {
            CheckCounted(device, key);
        }

        foreach (var ((key, field), (_, value)) in _last.Where(t => !_unclear.Contains(t.Key)).OrderBy(t => t.Key))
        {
            var isThere = device.Has(key);
            if (field == There)
            {
                if (isThere != (value == "1"))
                {
                    run.Violate("truth", $"{key} is {(isThere ? "there" : "gone")}");
                }
            }
            else if (isThere && !_unclear.Contains((key, There)) && device.Scalar($"SELECT {field} FROM note WHERE id = '{key}'") is var stands && (stands.IsNull ? null : stands.AsText) != value)
            {
                run.Violate("truth", $"{key}.{field} is {stands}; {value} was written last");
            }
        }
    }

    private void CheckCounted(SeveralDevice device, string key)
    {
        var n = device.Scalar($"SELECT coalesce(n, 0) FROM note WHERE id = '{key}'").AsInteger;
        if (n != _counted.GetValueOrDefault(key) && _made[key] <= 1) // Of two that made the row, the greater number counts.
        {
            run.Violate("truth", $"{n} was counted in {key}, and it was {_counted.GetValueOrDefault(key)}");
        }

        var tags = TagsAt(device, key);
        if (tags.Count != TagsOf(key).Count || !TagsOf(key).SetEquals(tags))
        {
            run.Violate("truth", $"{key} has the tags {string.Join(',', tags)}, and was given {string.Join(',', TagsOf(key).Order(StringComparer.Ordinal))}");
        }
    }

    private HashSet<string> TagsOf(string key) => _tags.TryGetValue(key, out var known) ? known : _tags[key] = [];

    private static List<string> TagsAt(SeveralDevice device, string key) =>
        [.. JsonNode.Parse(device.Scalar($"SELECT coalesce(tags, '[]') FROM note WHERE id = '{key}'").AsText)!.AsArray().Select(t => t!.GetValue<string>())];

    private SortedDictionary<string, (long At, Dictionary<string, string?> Fields)> PendingOf(SeveralDevice device) =>
        _pending.TryGetValue(device, out var known) ? known : _pending[device] = new(StringComparer.Ordinal);

    private void Touched(SeveralDevice device, string key)
    {
        _ = TagsOf(key);
        Note(device, key, new(StringComparer.Ordinal) { [There] = "1" });
    }

    private void Note(SeveralDevice device, string key, Dictionary<string, string?> fields)
    {
        var isKnown = PendingOf(device).TryGetValue(key, out var former);
        var row = isKnown ? former.Fields : new(StringComparer.Ordinal);
        if (isKnown && (fields[There] != former.Fields.GetValueOrDefault(There) || former.Fields.ContainsKey(Removed)))
        {
            row[Unclear] = null; // Made, deleted and made again within one look: what was shown decides.
        }

        foreach (var (name, value) in fields)
        {
            row[name] = value;
        }

        PendingOf(device)[key] = (run.NowTicks, row);
    }

    // Where edits win, one that the deleting device has not seen keeps the row. "0": it goes; null: who else has deleted it, or counted in it, decides.
    private string? OfDeletion(SeveralDevice device, string key)
    {
        var rows = _pending.Where(p => p.Key != device && p.Value.ContainsKey(key)).Select(p => p.Value[key]).ToList();
        var others = rows.ConvertAll(r => r.Fields);
        var isPending = PendingOf(device).ContainsKey(key);
        var isUnseen = rows.Exists(r => MayStand(key, r.At, r.Fields));
        foreach (var field in Words)
        {
            var shown = device.Scalar($"SELECT {field} FROM note WHERE id = '{key}'");
            isUnseen |= _last.TryGetValue((key, field), out var known) && (_unclear.Contains((key, field)) || (shown.IsNull ? null : shown.AsText) != known.Value) && !isPending;
        }

        var isUnclear = isPending || _everDeleted.Contains(key) || _unclear.Any(u => u.Key == key) || !(_last.TryGetValue((key, There), out var there) && there.Value == "1") || others.Exists(o => o.ContainsKey(Unclear) || o.ContainsKey(Removed) || o.GetValueOrDefault(There) != "1");
        var isCounted = _tags.TryGetValue(key, out var tags) && (_everDeleted.Contains(key)
            || device.Scalar($"SELECT coalesce(n, 0) FROM note WHERE id = '{key}'").AsInteger != _counted.GetValueOrDefault(key) || !tags.SetEquals(TagsAt(device, key)));
        return isCounted || (isUnseen && isUnclear) ? null : isUnseen ? "1" : "0";
    }

    // What somebody wrote before all that is known of its fields gives way to that wherever the two meet, and keeps no row.
    private bool MayStand(string key, long at, Dictionary<string, string?> fields) =>
        fields.ContainsKey(Unclear) || fields.ContainsKey(Removed) || fields.GetValueOrDefault(There) != "1" || !fields.Keys.Any(Words.Contains)
        || fields.Keys.Any(f => Words.Contains(f) && !(_last.TryGetValue((key, f), out var known) && known.At > at));

    private void Tell(string key, string field, long at, string? value)
    {
        // A row that is made again with a NULL where there was one has not changed it: what others wrote meanwhile may stand.
        if (_last.TryGetValue((key, field), out var known) && at < known.At)
        {
            return;
        }

        if (value is null)
        {
            _unclear.Add((key, field));
        }
        else
        {
            _unclear.Remove((key, field));
        }

        _last[(key, field)] = (Math.Max(at, known.At), value);
    }
}
