using System.Text;

namespace Tidemark.Model.Values;

/// <summary>The key of one row: its key fields in key order. The text form is the wire form of an entity id.</summary>
public readonly struct EntityKey : IEquatable<EntityKey>, IComparable<EntityKey>
{
    private readonly Value[]? _parts;

    public EntityKey(params Value[] parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        _parts = parts;
    }

    public static EntityKey Of(long id) => new(Value.Integer(id));

    public static EntityKey Of(string id) => new(Value.Text(id));

    public ReadOnlySpan<Value> Parts => _parts;

    public int Count => _parts?.Length ?? 0;

    public Value this[int index] => _parts![index];

    public bool Equals(EntityKey other) => Parts.SequenceEqual(other.Parts);

    public override bool Equals(object? obj) => obj is EntityKey other && Equals(other);

    public override int GetHashCode()
    {
        if (_parts is [var only])
        {
            return only.GetHashCode();
        }

        var hash = new HashCode();
        foreach (var part in Parts)
        {
            hash.Add(part);
        }

        return hash.ToHashCode();
    }

    /// <summary>A total order, the same on every machine: class first, then numbers by size, text and bytes by UTF-8 bytes.</summary>
    public int CompareTo(EntityKey other)
    {
        var shared = Math.Min(Count, other.Count);
        for (var i = 0; i < shared; i++)
        {
            var order = Compare(this[i], other[i]);
            if (order != 0)
            {
                return order;
            }
        }

        return Count.CompareTo(other.Count);
    }

    public static bool operator ==(EntityKey left, EntityKey right) => left.Equals(right);

    public static bool operator !=(EntityKey left, EntityKey right) => !left.Equals(right);

    public static bool operator <(EntityKey left, EntityKey right) => left.CompareTo(right) < 0;

    public static bool operator >(EntityKey left, EntityKey right) => left.CompareTo(right) > 0;

    public static bool operator <=(EntityKey left, EntityKey right) => left.CompareTo(right) <= 0;

    public static bool operator >=(EntityKey left, EntityKey right) => left.CompareTo(right) >= 0;

    /// <summary>The wire form: a single key is its JSON value, a composite key a JSON array.</summary>
    public override string ToString()
    {
        using var writer = new CanonicalJsonWriter();
        writer.WriteKey(this);
        return Encoding.UTF8.GetString(writer.Written);
    }

    private static int Compare(Value a, Value b)
    {
        if (a.Kind != b.Kind)
        {
            return a.Kind.CompareTo(b.Kind);
        }

        return a.Kind switch
        {
            ValueKind.Integer => a.AsInteger.CompareTo(b.AsInteger),
            ValueKind.Real => a.AsReal.CompareTo(b.AsReal),
            ValueKind.Text => CompareUtf8(a.AsText, b.AsText),
            ValueKind.Blob or ValueKind.MalformedText => a.AsBlob.AsSpan().SequenceCompareTo(b.AsBlob),
            _ => 0,
        };
    }

    // The order of the UTF-8 bytes without making them: only surrogates stand elsewhere in UTF-16, before U+E000.
    private static int CompareUtf8(string a, string b)
    {
        var same = a.AsSpan().CommonPrefixLength(b);
        return same == a.Length || same == b.Length ? a.Length.CompareTo(b.Length) : Place(a[same]).CompareTo(Place(b[same]));

        static int Place(char c) => char.IsSurrogate(c) ? c + 0x10000 : c;
    }
}
