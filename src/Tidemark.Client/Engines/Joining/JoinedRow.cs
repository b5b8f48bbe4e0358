using System.Security.Cryptography;
using Tidemark.Model.Entities;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Client.Engines.Joining;

/// <summary>A value with the stamp of the edit that wrote it, and the stamp of what that edit replaced.</summary>
internal readonly record struct StampedValue(Value Value, Stamp Stamp, Stamp Before)
{
    public bool IsKnown => !Value.IsAbsent;
}

/// <summary>
/// The state of a row as a join of everything that was ever seen of it: each field, and whether it is deleted, by the greatest stamp. Commutative, associative and
/// idempotent, so the order in which remotes, pages and rows come cannot matter. Immutable.
/// </summary>
internal sealed class JoinedRow
{
    private readonly StampedValue[] _fields;

    /// <param name="type">The type.</param>
    /// <param name="key">The row's key.</param>
    /// <param name="fields">In field order; those of the key, and those never seen, are absent.</param>
    /// <param name="deletion">1: deleted, 0: not.</param>
    public JoinedRow(EntityType type, EntityKey key, StampedValue[] fields, StampedValue deletion)
    {
        (Type, Key, _fields, Deletion) = (type, key, fields, deletion);
    }

    public EntityType Type { get; }

    public EntityKey Key { get; }

    public StampedValue Deletion { get; }

    public bool IsDeleted => Deletion.IsKnown && Deletion.Value.AsInteger != 0;

    public IReadOnlyList<StampedValue> Fields => _fields;

    /// <summary>The newest stamp in it.</summary>
    public Stamp Newest
    {
        get
        {
            var newest = Deletion.Stamp;
            foreach (var value in _fields)
            {
                newest = value.Stamp > newest ? value.Stamp : newest;
            }

            return newest;
        }
    }

    /// <summary>A row of which nothing is known yet.</summary>
    public static JoinedRow Nothing(EntityType type, EntityKey key) => new(type, key, new StampedValue[type.Fields.Count], default);

    /// <summary>The row as an app sees it, whether deleted or not; fields never seen are NULL.</summary>
    public Row ToRow()
    {
        var values = new Value[_fields.Length];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = _fields[i].IsKnown ? _fields[i].Value : Value.Null;
        }

        for (var i = 0; i < Key.Count; i++)
        {
            values[Type.KeyOrdinals[i]] = Key[i];
        }

        return new Row(Type, values);
    }

    /// <summary>Both, field by field.</summary>
    public JoinedRow Join(JoinedRow other)
    {
        StampedValue[]? fields = null;
        for (var i = 0; i < _fields.Length; i++)
        {
            if (Compare(Type.Fields[i], other._fields[i], _fields[i]) > 0)
            {
                fields ??= (StampedValue[])_fields.Clone();
                fields[i] = other._fields[i];
            }
        }

        var deletion = Compare(null, other.Deletion, Deletion) > 0 ? other.Deletion : Deletion;
        return fields is null && deletion == Deletion ? this : new JoinedRow(Type, Key, fields ?? _fields, deletion);
    }

    /// <summary>The row after an edit: what differs from what the app was shown gets the stamp. An edit revives a deleted row; a deletion keeps the values.</summary>
    /// <param name="shown">What the app saw; null: no row.</param>
    /// <param name="live">What it wrote; null: it deleted the row.</param>
    /// <param name="stamp">Of the edit.</param>
    public JoinedRow Edited(Row? shown, Row? live, Stamp stamp)
    {
        if (live is null)
        {
            return shown is null || IsDeleted ? this : new JoinedRow(Type, Key, _fields, Written(Deletion, Value.Integer(1), stamp));
        }

        StampedValue[]? fields = null;
        for (var i = 0; i < _fields.Length; i++)
        {
            if (!Type.IsKey(i) && (shown is null ? !_fields[i].IsKnown || _fields[i].Value != live[i] : shown[i] != live[i]))
            {
                fields ??= (StampedValue[])_fields.Clone();
                var written = Written(_fields[i], live[i], stamp);
                fields[i] = Compare(Type.Fields[i], written, _fields[i]) > 0 ? written : _fields[i]; // What may not go back stays.
            }
        }

        var isNew = !Deletion.IsKnown || IsDeleted;
        return fields is null && !isNew && shown is not null
            ? this
            : new JoinedRow(Type, Key, fields ?? _fields, Written(Deletion, Value.Integer(0), stamp));
    }

    /// <summary>
    /// A total order of what may stand in a field: absent, then by stamp, then by a hash of the value, so that nobody's machine or remote decides.
    /// Monotonic fields go by their value first.
    /// </summary>
    public static int Compare(Field? field, in StampedValue a, in StampedValue b)
    {
        if (!a.IsKnown || !b.IsKnown)
        {
            return a.IsKnown.CompareTo(b.IsKnown);
        }

        if (field is not null && ValueOrder.CompareMonotonic(field, a.Value, b.Value) is not 0 and var byValue)
        {
            return byValue;
        }

        var byStamp = a.Stamp.CompareTo(b.Stamp);
        return byStamp != 0 || a.Value == b.Value ? byStamp : HashOf(field, a.Value).AsSpan().SequenceCompareTo(HashOf(field, b.Value));
    }

    /// <summary>SHA-256 over the value as it is on the wire.</summary>
    public static byte[] HashOf(Field? field, Value value)
    {
        using var writer = new CanonicalJsonWriter();
        if (field is null)
        {
            writer.WriteExact(value);
        }
        else
        {
            writer.WriteValue(field, value);
        }

        return SHA256.HashData(writer.Written);
    }

    private static StampedValue Written(StampedValue former, Value value, Stamp stamp) => new(value, stamp, former.Stamp);
}
