using Tidemark.Model.Entities;

namespace Tidemark.Model.Values;

/// <summary>The canonical values of one row in the field order of its entity type. Absent values are withheld.</summary>
public sealed class Row
{
    private readonly Value[] _values;
    private EntityKey _key;

    public Row(EntityType type, Value[] values)
    {
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(values);
        if (values.Length != type.Fields.Count)
        {
            throw new ArgumentException($"{type.Name} has {type.Fields.Count} fields, the row {values.Length}.", nameof(values));
        }

        Type = type;
        _values = values;
    }

    public EntityType Type { get; }

    /// <summary>The row's digest, once somebody has computed it; the values do not change.</summary>
    internal byte[]? Digest { get; set; }

    public ReadOnlySpan<Value> Values => _values;

    public Value this[int ordinal] => _values[ordinal];

    public Value this[string field] => _values[Type.OrdinalOf(field)];

    public EntityKey Key => _key.Count > 0 ? _key : _key = Type.KeyOf(_values);

    /// <summary>A copy with one value replaced.</summary>
    public Row With(int ordinal, Value value)
    {
        var copy = (Value[])_values.Clone();
        copy[ordinal] = value;
        return new Row(Type, copy);
    }

    /// <summary>A copy in which every present value of <paramref name="patch"/> replaces the one here.</summary>
    public Row Patched(Row patch)
    {
        var copy = (Value[])_values.Clone();
        for (var i = 0; i < copy.Length; i++)
        {
            if (!patch[i].IsAbsent)
            {
                copy[i] = patch[i];
            }
        }

        return new Row(Type, copy);
    }

    /// <summary>The fields in which <paramref name="to"/> differs from this row; everything else is absent. Null when nothing differs.</summary>
    public Row? DifferenceTo(Row to)
    {
        Value[]? changed = null;
        for (var i = 0; i < _values.Length; i++)
        {
            if (!to[i].IsAbsent && to[i] != _values[i])
            {
                changed ??= new Value[_values.Length];
                changed[i] = to[i];
            }
        }

        return changed is null ? null : new Row(Type, changed);
    }

    public bool SameAs(Row other) => ReferenceEquals(this, other) || Values.SequenceEqual(other.Values);
}
