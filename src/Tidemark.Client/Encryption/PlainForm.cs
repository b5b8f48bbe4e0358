using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Tidemark.Model.Values;

namespace Tidemark.Client.Encryption;

/// <summary>
/// A value as it is encrypted: what kind it is, how long, its bytes, and zeros up to a length that tells little of it (multiples of 32, of more for long ones: Padmé, at most
/// an eighth above). Numbers come back exactly.
/// </summary>
internal static class PlainForm
{
    private const int HeadBytes = 1 + sizeof(int);
    private const int Bucket = 32;
    private const byte IntegerKind = 1;
    private const byte RealKind = 2;
    private const byte TextKind = 3;
    private const byte BlobKind = 4;
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public static byte[] Write(Value value)
    {
        var (kind, bytes) = value.Kind switch
        {
            ValueKind.Integer => (IntegerKind, Number(value.AsInteger)),
            ValueKind.Real => (RealKind, Number(BitConverter.DoubleToInt64Bits(value.AsReal))),
            ValueKind.Text => (TextKind, Strict.GetBytes(value.AsText)),
            ValueKind.Blob => (BlobKind, value.AsBlob),
            _ => throw new ArgumentException($"A value of kind {value.Kind} cannot be encrypted.", nameof(value)),
        };
        var plain = new byte[Padded(HeadBytes + bytes.Length)];
        plain[0] = kind;
        BinaryPrimitives.WriteInt32BigEndian(plain.AsSpan(1), bytes.Length);
        bytes.CopyTo(plain.AsSpan(HeadBytes));
        return plain;
    }

    /// <summary>Null: of no form that this version writes.</summary>
    public static Value? Read(ReadOnlySpan<byte> plain)
    {
        if (plain.Length < HeadBytes || BinaryPrimitives.ReadInt32BigEndian(plain[1..]) is var length && (length < 0 || length > plain.Length - HeadBytes))
        {
            return null;
        }

        var bytes = plain.Slice(HeadBytes, length);
        try
        {
            return plain[0] switch
            {
                IntegerKind when length == sizeof(long) => Value.Integer(BinaryPrimitives.ReadInt64BigEndian(bytes)),
                RealKind when length == sizeof(long) => Value.Real(BitConverter.Int64BitsToDouble(BinaryPrimitives.ReadInt64BigEndian(bytes))),
                TextKind => Value.Text(Strict.GetString(bytes)),
                BlobKind => Value.Blob(bytes.ToArray()),
                _ => null,
            };
        }
        catch (ArgumentException)
        {
            return null; // No text.
        }
    }

    internal static int Padded(int length)
    {
        if (length <= Bucket)
        {
            return Bucket;
        }

        var exponent = BitOperations.Log2((uint)length);
        var last = exponent - (BitOperations.Log2((uint)exponent) + 1);
        var mask = Math.Max(Bucket, 1 << last) - 1;
        return (length + mask) & ~mask;
    }

    private static byte[] Number(long number)
    {
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, number);
        return bytes;
    }
}
