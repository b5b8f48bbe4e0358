using System.Security.Cryptography;
using Tidemark.Model.Protocol;

namespace Tidemark.Model.Values;

/// <summary>The digest of one row: SHA-256 over its canonical wire form.</summary>
public static class RowDigest
{
    public const int Size = 32;

    public static byte[] Of(Row row)
    {
        using var writer = new CanonicalJsonWriter();
        return Of(row, writer);
    }

    /// <summary>With a writer that is reused; it is cleared first. Computed once for each row, and then remembered with it: not to be written to.</summary>
    public static byte[] Of(Row row, CanonicalJsonWriter writer)
    {
        ArgumentNullException.ThrowIfNull(row);
        if (row.Digest is { } known)
        {
            return known;
        }

        writer.Clear();
        WireRow.Write(writer, row);
        return row.Digest = SHA256.HashData(writer.Written);
    }

    /// <summary>Into memory of the caller, at least <see cref="Size"/> bytes.</summary>
    public static void Of(Row row, CanonicalJsonWriter writer, Span<byte> destination)
    {
        writer.Clear();
        WireRow.Write(writer, row);
        SHA256.HashData(writer.Written, destination);
    }
}

/// <summary>The digest of a set of rows: the sum of their digests modulo 2^256. The order of rows does not matter.</summary>
public struct SetDigest : IEquatable<SetDigest>
{
    private UInt128 _high;
    private UInt128 _low;

    public long Rows { get; private set; }

    public void Add(ReadOnlySpan<byte> rowDigest)
    {
        var high = System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(rowDigest);
        var low = System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(rowDigest[16..]);
        var sum = unchecked(_low + low);
        _high = unchecked(_high + high + (sum < low ? UInt128.One : UInt128.Zero));
        _low = sum;
        Rows++;
    }

    public readonly bool Equals(SetDigest other) => _high == other._high && _low == other._low && Rows == other.Rows;

    public override readonly bool Equals(object? obj) => obj is SetDigest other && Equals(other);

    public override readonly int GetHashCode() => HashCode.Combine(_high, _low, Rows);

    public static bool operator ==(SetDigest left, SetDigest right) => left.Equals(right);

    public static bool operator !=(SetDigest left, SetDigest right) => !left.Equals(right);

    /// <summary>64 lower-case hex digits.</summary>
    public override readonly string ToString() => _high.ToString("x32", System.Globalization.CultureInfo.InvariantCulture) + _low.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);
}
