using System.Globalization;
using System.Text.Json;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Joining;

/// <summary>
/// A counter as a join: a number that somebody set, the latest, and what each writer has counted since he began. Of each writer the latest sum counts, so no order of
/// arrival matters, and nothing counts twice. Who sets a number has counted what was known then: that much of each sum is in it.
/// </summary>
internal sealed class CounterParts
{
    private readonly Field _field;
    private readonly Value _set;
    private readonly Stamp _setAt;
    private readonly SortedDictionary<ulong, Value> _in;
    private readonly SortedDictionary<ulong, (Value Sum, Stamp Stamp)> _sums;
    private readonly Stamp _before;
    private readonly bool _isReset;

    private CounterParts(Field field, Value set, Stamp setAt, SortedDictionary<ulong, Value> included, SortedDictionary<ulong, (Value Sum, Stamp Stamp)> sums, Stamp before, bool isReset = false) =>
        (_field, _set, _setAt, _in, _sums, _before, _isReset) = (field, set, setAt, included, sums, before, isReset);

    private Value Total
    {
        get
        {
            var total = _set;
            foreach (var (node, sum) in _sums)
            {
                total = Counting.Add(_field, total, _in.TryGetValue(node, out var known) ? known : Value.Null, sum.Sum) is { IsAbsent: false } more ? more : total;
            }

            return total;
        }
    }

    /// <exception cref="FormatException">Its parts are of no form that is known here.</exception>
    public static CounterParts Of(Field field, in StampedValue value)
    {
        if (value.Parts is null)
        {
            return new CounterParts(field, value.IsKnown ? value.Value : Value.Absent, value.Stamp, [], [], value.Before);
        }

        try
        {
            using var document = JsonDocument.Parse(value.Parts);
            var root = document.RootElement;
            var included = new SortedDictionary<ulong, Value>();
            foreach (var member in root[2].EnumerateObject())
            {
                included[Node(member.Name)] = FieldJoin.ValueOf(field, member.Value.GetRawText());
            }

            var sums = new SortedDictionary<ulong, (Value, Stamp)>();
            foreach (var member in root[3].EnumerateObject())
            {
                sums[Node(member.Name)] = (FieldJoin.ValueOf(field, member.Value[0].GetRawText()), Stamp.Parse(member.Value[1].GetString()));
            }

            return new CounterParts(field, FieldJoin.ValueOf(field, root[0].GetRawText()), Stamp.Parse(root[1].GetString()), included, sums, value.Before, root[4].GetInt32() != 0);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new FormatException($"What was counted in {field.Name} cannot be read.", e);
        }
    }

    public CounterParts Join(CounterParts other)
    {
        var sums = new SortedDictionary<ulong, (Value Sum, Stamp Stamp)>(_sums);
        foreach (var (node, theirs) in other._sums)
        {
            if (!sums.TryGetValue(node, out var mine) || theirs.Stamp > mine.Stamp || (theirs.Stamp == mine.Stamp && Order(theirs.Sum, mine.Sum) > 0))
            {
                sums[node] = theirs;
            }
        }

        var latest = CompareSet(other) < 0 ? other : this;
        return new CounterParts(_field, latest._set, latest._setAt, latest._in, sums, _before > other._before ? _before : other._before, latest._isReset);
    }

    /// <summary>After an edit: what was added or taken away counts; what cannot be counted sets it.</summary>
    public StampedValue Written(Value shown, Value live, Stamp stamp, ulong node)
    {
        var from = shown.IsAbsent ? Total : shown;
        var own = _sums.TryGetValue(node, out var known) ? known.Sum : Value.Null;
        if (_set.IsAbsent || !Counting.IsNumber(_field, _set) || from.IsAbsent || Counting.Add(_field, own, from, live) is not { IsAbsent: false } sum)
        {
            return Set(live, stamp);
        }

        return new CounterParts(_field, _set, _setAt, _in, new(_sums) { [node] = (sum, stamp) }, Newest, _isReset).ToValue();
    }

    /// <summary>Another number, in which all that is known here was counted.</summary>
    public StampedValue Set(Value value, Stamp stamp)
    {
        var included = new SortedDictionary<ulong, Value>();
        foreach (var (node, sum) in _sums)
        {
            included[node] = sum.Sum;
        }

        return new CounterParts(_field, value, stamp, included, _sums, Newest, !_set.IsAbsent).ToValue();
    }

    public StampedValue ToValue() => new(Total, Newest, _before) { Parts = _sums.Count == 0 && !_isReset ? null : Text() };

    /// <summary>As a remote has it: there the number that was set stands beside the sums, also when there are none yet.</summary>
    public string Text()
    {
        using var writer = new CanonicalJsonWriter();
        writer.WriteByte((byte)'[');
        writer.WriteValue(_field, _set);
        writer.WriteByte((byte)',');
        writer.WriteString(_setAt.ToString());
        writer.WriteRaw(",{"u8);
        var isFirst = true;
        foreach (var (node, value) in _in)
        {
            Name(writer, node, ref isFirst);
            writer.WriteValue(_field, value);
        }

        writer.WriteRaw("},{"u8);
        isFirst = true;
        foreach (var (node, (sum, stamp)) in _sums)
        {
            Name(writer, node, ref isFirst);
            writer.WriteByte((byte)'[');
            writer.WriteValue(_field, sum);
            writer.WriteByte((byte)',');
            writer.WriteString(stamp.ToString());
            writer.WriteByte((byte)']');
        }

        writer.WriteRaw(_isReset ? "},1]"u8 : "},0]"u8);
        return System.Text.Encoding.UTF8.GetString(writer.Written);
    }

    private Stamp Newest => _sums.Values.Aggregate(_setAt, (newest, s) => s.Stamp > newest ? s.Stamp : newest);

    // The number that a row was made with, by two devices or in two files that are adopted: the greater, which lacks least. One that was set since: the latest.
    private int CompareSet(CounterParts other)
    {
        var order = _isReset.CompareTo(other._isReset);
        order = order != 0 || _isReset ? order : Order(_set, other._set);
        order = order != 0 ? order : _setAt.CompareTo(other._setAt);
        order = order != 0 ? order : Order(_set, other._set);
        return order != 0 ? order : string.CompareOrdinal(Included(this), Included(other));
    }

    private static string Included(CounterParts parts) => string.Join(',', parts._in.Select(i => $"{i.Key:x16}={FieldJoin.TextOf(parts._field, i.Value)}"));

    private int Order(Value a, Value b) => a.IsAbsent || b.IsAbsent ? b.IsAbsent.CompareTo(a.IsAbsent) : ValueOrder.CompareMonotonic(_field with { Policy = FieldPolicy.Monotonic }, a, b);

    private static void Name(CanonicalJsonWriter writer, ulong node, ref bool isFirst)
    {
        writer.WriteRaw(isFirst ? ""u8 : ","u8);
        writer.WriteString(node.ToString("x16", CultureInfo.InvariantCulture));
        writer.WriteByte((byte)':');
        isFirst = false;
    }

    private static ulong Node(string text) => ulong.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
