using System.Globalization;
using System.Text;

namespace Tidemark.Model.Values;

/// <summary>The storage class of a <see cref="Value"/>. The first four after Null are SQLite's own.</summary>
public enum ValueKind : byte
{
    /// <summary>Withheld: not sent, not known, not to be touched. Not the same as Null.</summary>
    Absent = 0,
    Null = 1,
    Integer = 2,
    Real = 3,
    Text = 4,
    Blob = 5,

    /// <summary>Text whose bytes are not valid UTF-8; kept so that it can be named, never sent.</summary>
    MalformedText = 6,
}

/// <summary>One value with its storage class. Equality is by class and content: 1 and 1.0 differ.</summary>
public readonly struct Value : IEquatable<Value>
{
    private readonly long _bits;
    private readonly object? _reference;

    private Value(ValueKind kind, long bits, object? reference)
    {
        Kind = kind;
        _bits = bits;
        _reference = reference;
    }

    public ValueKind Kind { get; }

    public static Value Absent => default;

    public static Value Null => new(ValueKind.Null, 0, null);

    public static Value Integer(long value) => new(ValueKind.Integer, value, null);

    /// <summary>NaN becomes Null, as SQLite does it.</summary>
    public static Value Real(double value) =>
        double.IsNaN(value) ? Null : new(ValueKind.Real, BitConverter.DoubleToInt64Bits(value), null);

    public static Value Text(string value) => new(ValueKind.Text, 0, value ?? throw new ArgumentNullException(nameof(value)));

    public static Value Blob(byte[] value) => new(ValueKind.Blob, 0, value ?? throw new ArgumentNullException(nameof(value)));

    public static Value MalformedText(byte[] value) => new(ValueKind.MalformedText, 0, value);

    public bool IsAbsent => Kind == ValueKind.Absent;

    public bool IsNull => Kind == ValueKind.Null;

    public long AsInteger => Kind == ValueKind.Integer ? _bits : throw Wrong(ValueKind.Integer);

    public double AsReal => Kind == ValueKind.Real ? BitConverter.Int64BitsToDouble(_bits) : throw Wrong(ValueKind.Real);

    public string AsText => Kind == ValueKind.Text ? (string)_reference! : throw Wrong(ValueKind.Text);

    public byte[] AsBlob => Kind is ValueKind.Blob or ValueKind.MalformedText ? (byte[])_reference! : throw Wrong(ValueKind.Blob);

    public bool Equals(Value other)
    {
        if (Kind != other.Kind)
        {
            return false;
        }

        return Kind switch
        {
            ValueKind.Integer => _bits == other._bits,
            ValueKind.Real => AsReal.Equals(other.AsReal),
            ValueKind.Text => string.Equals((string)_reference!, (string)other._reference!, StringComparison.Ordinal),
            ValueKind.Blob or ValueKind.MalformedText => AsBlob.AsSpan().SequenceEqual(other.AsBlob),
            _ => true,
        };
    }

    public override bool Equals(object? obj) => obj is Value other && Equals(other);

    public override int GetHashCode() => Kind switch
    {
        ValueKind.Integer => _bits.GetHashCode(),
        ValueKind.Real => AsReal.GetHashCode(),
        ValueKind.Text => string.GetHashCode((string)_reference!, StringComparison.Ordinal),
        ValueKind.Blob or ValueKind.MalformedText => BytesHash(AsBlob),
        _ => (int)Kind,
    };

    public static bool operator ==(Value left, Value right) => left.Equals(right);

    public static bool operator !=(Value left, Value right) => !left.Equals(right);

    /// <summary>For messages and logs of a developer, never for storage.</summary>
    public override string ToString() => Kind switch
    {
        ValueKind.Absent => "(absent)",
        ValueKind.Null => "NULL",
        ValueKind.Integer => _bits.ToString(CultureInfo.InvariantCulture),
        ValueKind.Real => AsReal.ToString("R", CultureInfo.InvariantCulture),
        ValueKind.Text => AsText,
        ValueKind.Blob => "x'" + Convert.ToHexString(AsBlob) + "'",
        _ => "(text that is not UTF-8: " + Encoding.UTF8.GetString(AsBlob) + ")",
    };

    private static int BytesHash(byte[] bytes)
    {
        var hash = new HashCode();
        hash.AddBytes(bytes);
        return hash.ToHashCode();
    }

    private InvalidOperationException Wrong(ValueKind wanted) => new($"The value is {Kind}, not {wanted}.");
}
