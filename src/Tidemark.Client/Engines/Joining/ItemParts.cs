using System.Text;
using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Joining;

/// <summary>
/// A JSON array or object as a join: each item, or each member to any depth, is there or not by the latest edit of it. The value that was written last says in which
/// order they stand. What is no array or object is one value that the latest edit decides.
/// </summary>
internal sealed class ItemParts
{
    private readonly Field _field;
    private readonly Value _whole;
    private readonly Stamp _wholeAt;
    private readonly SortedDictionary<string, (string? Json, Stamp Stamp)> _items;
    private readonly Stamp _before;

    private ItemParts(Field field, Value whole, Stamp wholeAt, SortedDictionary<string, (string? Json, Stamp Stamp)> items, Stamp before) =>
        (_field, _whole, _wholeAt, _items, _before) = (field, whole, wholeAt, items, before);

    /// <exception cref="FormatException">Its parts are of no form that is known here.</exception>
    public static ItemParts Of(Field field, in StampedValue value)
    {
        var items = NoItems();
        if (value.Parts is null)
        {
            foreach (var (id, json) in Read(field, value.Value) ?? [])
            {
                items[id] = (json, value.Stamp);
            }

            return new ItemParts(field, value.IsKnown ? value.Value : Value.Absent, value.Stamp, items, value.Before);
        }

        try
        {
            using var document = JsonDocument.Parse(value.Parts);
            var root = document.RootElement;
            foreach (var member in root[2].EnumerateObject())
            {
                items[member.Name] = (member.Value.GetArrayLength() > 1 ? member.Value[1].GetString() : null, Stamp.Parse(member.Value[0].GetString()));
            }

            return new ItemParts(field, FieldJoin.ValueOf(field, root[0].GetRawText()), Stamp.Parse(root[1].GetString()), items, value.Before);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new FormatException($"The items of {field.Name} cannot be read.", e);
        }
    }

    public ItemParts Join(ItemParts other)
    {
        var items = NoItems(_items);
        foreach (var (id, theirs) in other._items)
        {
            if (!items.TryGetValue(id, out var mine) || theirs.Stamp > mine.Stamp || (theirs.Stamp == mine.Stamp && string.CompareOrdinal(theirs.Json, mine.Json) > 0))
            {
                items[id] = theirs;
            }
        }

        var order = _wholeAt.CompareTo(other._wholeAt);
        order = order != 0 || _whole == other._whole ? order
            : _whole.IsAbsent || other._whole.IsAbsent ? other._whole.IsAbsent.CompareTo(_whole.IsAbsent)
            : JoinedRow.HashOf(_field, _whole).AsSpan().SequenceCompareTo(JoinedRow.HashOf(_field, other._whole));
        var latest = order < 0 ? other : this;
        return new ItemParts(_field, latest._whole, latest._wholeAt, items, _before > other._before ? _before : other._before);
    }

    /// <summary>After an edit: what was added, changed or taken out by it; the rest is as it was.</summary>
    public StampedValue Written(Value shown, Value live, Stamp stamp)
    {
        var items = NoItems(_items);
        var was = (Read(_field, shown.IsAbsent ? Current : shown) ?? []).ToDictionary(i => i.Id, i => i.Json, StringComparer.Ordinal);
        var now = (Read(_field, live) ?? []).ToDictionary(i => i.Id, i => i.Json, StringComparer.Ordinal);
        foreach (var (id, json) in now.Where(i => was.GetValueOrDefault(i.Key) != i.Value || items.GetValueOrDefault(i.Key).Json != i.Value))
        {
            items[id] = (json, stamp);
        }

        foreach (var id in was.Keys.Where(id => !now.ContainsKey(id)))
        {
            items[id] = (null, stamp);
        }

        return new ItemParts(_field, live, stamp, items, Newest).ToValue();
    }

    public StampedValue ToValue() => new(Current, Newest, _before) { Parts = _items.Values.All(i => i.Json is not null && i.Stamp == _wholeAt) ? null : Text() };

    public string Text()
    {
        using var writer = new CanonicalJsonWriter();
        writer.WriteByte((byte)'[');
        writer.WriteValue(_field, _whole);
        writer.WriteByte((byte)',');
        writer.WriteString(_wholeAt.ToString());
        writer.WriteRaw(",{"u8);
        var isFirst = true;
        foreach (var (id, (json, stamp)) in _items)
        {
            writer.WriteRaw(isFirst ? ""u8 : ","u8);
            isFirst = false;
            writer.WriteString(id);
            writer.WriteRaw(":["u8);
            writer.WriteString(stamp.ToString());
            if (json is not null)
            {
                writer.WriteByte((byte)',');
                writer.WriteString(json);
            }

            writer.WriteByte((byte)']');
        }

        writer.WriteRaw("}]"u8);
        return Encoding.UTF8.GetString(writer.Written);
    }

    private Stamp Newest => _items.Values.Aggregate(_wholeAt, (newest, i) => i.Stamp > newest ? i.Stamp : newest);

    private Value Current
    {
        get
        {
            if (_whole.IsAbsent || Read(_field, _whole) is not { } whole)
            {
                return _whole;
            }

            var there = _items.Where(i => i.Value.Json is not null).ToDictionary(i => i.Key, i => i.Value.Json!, StringComparer.Ordinal);
            if (whole.Count == there.Count && whole.TrueForAll(i => there.GetValueOrDefault(i.Id) == i.Json))
            {
                return _whole; // As it was written, to the letter.
            }

            return Value.Text(_field.Policy == FieldPolicy.MergeArrays ? Array(whole, there) : Object(there));
        }
    }

    private string Array(List<(string Id, string Json)> whole, Dictionary<string, string> there)
    {
        var order = whole.Select(i => i.Id).Where(there.ContainsKey).ToList();
        var more = there.Keys.Except(order, StringComparer.Ordinal).OrderBy(id => _items[id].Stamp).ThenBy(id => id, StringComparer.Ordinal);
        return "[" + string.Join(',', order.Concat(more).Select(id => there[id])) + "]";
    }

    // In the order of their edits: what was put in the place of an object takes its members' place, and the other way round.
    private string Object(Dictionary<string, string> there)
    {
        var root = new SortedDictionary<string, object>(StringComparer.Ordinal);
        foreach (var id in there.Keys.OrderBy(id => _items[id].Stamp).ThenBy(id => id, StringComparer.Ordinal))
        {
            var path = id.Split('/').Select(p => p.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)).ToList();
            var at = root;
            foreach (var name in path[..^1])
            {
                at = (SortedDictionary<string, object>)(at.TryGetValue(name, out var inner) && inner is SortedDictionary<string, object> ? inner : at[name] = new SortedDictionary<string, object>(StringComparer.Ordinal));
            }

            at[path[^1]] = there[id];
        }

        var text = new StringBuilder();
        Write(root, text);
        return text.ToString();
    }

    private static void Write(SortedDictionary<string, object> at, StringBuilder text)
    {
        text.Append('{');
        var isFirst = true;
        foreach (var (name, inner) in at)
        {
            text.Append(isFirst ? "" : ",").Append(JsonSerializer.Serialize(name, StampsJson.Default.String)).Append(':');
            isFirst = false;
            if (inner is SortedDictionary<string, object> members)
            {
                Write(members, text);
            }
            else
            {
                text.Append((string)inner);
            }
        }

        text.Append('}');
    }

    // Null: not what the rule works on. NULL counts as empty. An equal item that stands a second time is one of its own.
    private static List<(string Id, string Json)>? Read(Field field, Value value)
    {
        if (value.IsNull || value.IsAbsent)
        {
            return [];
        }

        try
        {
            using var document = value.Kind == ValueKind.Text ? JsonDocument.Parse(CanonicalPayload.Canonicalize(Encoding.UTF8.GetBytes(value.AsText))) : null;
            return document?.RootElement.ValueKind switch
            {
                JsonValueKind.Array when field.Policy == FieldPolicy.MergeArrays => Items(document.RootElement, field.ArrayKey),
                JsonValueKind.Object when field.Policy == FieldPolicy.MergeObject => Members(document.RootElement),
                _ => null,
            };
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }

    private static List<(string Id, string Json)> Items(JsonElement array, string? key)
    {
        var items = new List<(string Id, string Json)>();
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var item in array.EnumerateArray())
        {
            var mark = key is not null && item.ValueKind == JsonValueKind.Object && item.TryGetProperty(key, out var own) ? "k" + own.GetRawText() : "v" + item.GetRawText();
            var nth = seen[mark] = seen.GetValueOrDefault(mark) + 1;
            items.Add((nth == 1 ? mark : FormattableString.Invariant($"{mark} {nth}"), item.GetRawText()));
        }

        return items;
    }

    private static List<(string Id, string Json)> Members(JsonElement root)
    {
        var members = new List<(string Id, string Json)>();
        Add(root, "");
        return members;

        void Add(JsonElement at, string prefix)
        {
            foreach (var member in at.EnumerateObject())
            {
                var id = prefix + member.Name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
                if (member.Value.ValueKind == JsonValueKind.Object && member.Value.EnumerateObject().Any())
                {
                    Add(member.Value, id + "/");
                }
                else
                {
                    members.Add((id, member.Value.GetRawText()));
                }
            }
        }
    }

    private static SortedDictionary<string, (string? Json, Stamp Stamp)> NoItems() => new(StringComparer.Ordinal);

    private static SortedDictionary<string, (string? Json, Stamp Stamp)> NoItems(SortedDictionary<string, (string? Json, Stamp Stamp)> like) => new(like, StringComparer.Ordinal);
}
