using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Tidemark.Model.Health;

/// <summary>
/// The identity of a sample whose source gives none: a UUID of version 8 made of what stays the same in every export. Type and start lead, so that
/// samples of one type that follow each other in time do so in an index too. docs/decisions/0021 says what is in it and why.
/// </summary>
public static class HealthIdentity
{
    private const int SeriesBytes = 16;

    /// <summary>What the samples of one type, unit and origin have in common; computed once for all of them.</summary>
    public static byte[] Series(HealthKind kind, string type, string? unit, HealthOrigin origin)
    {
        ArgumentNullException.ThrowIfNull(origin);
        var text = $"{(int)kind}\u001f{type}\u001f{unit}\u001f{Plain(origin.Source)}\u001f{Plain(origin.Device?.Hardware)}";
        var digest = new byte[SeriesBytes + sizeof(ushort)];
        SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, SeriesBytes).CopyTo(digest);
        SHA256.HashData(Encoding.UTF8.GetBytes(type)).AsSpan(0, sizeof(ushort)).CopyTo(digest.AsSpan(SeriesBytes));
        return digest;
    }

    /// <summary>What the parts of one record have in common when the record has an id and they have none.</summary>
    public static byte[] SeriesOf(Guid record, string type)
    {
        ArgumentNullException.ThrowIfNull(type);
        var digest = new byte[SeriesBytes + sizeof(ushort)];
        SHA256.HashData([.. record.ToByteArray(bigEndian: true), .. Encoding.UTF8.GetBytes(type)]).AsSpan(0, SeriesBytes).CopyTo(digest);
        SHA256.HashData(Encoding.UTF8.GetBytes(type)).AsSpan(0, sizeof(ushort)).CopyTo(digest.AsSpan(SeriesBytes));
        return digest;
    }

    /// <summary>The identity of a sample that nothing names.</summary>
    /// <param name="series">Of <see cref="Series"/>.</param>
    /// <param name="startMs">Milliseconds since 1970.</param>
    /// <param name="endMs">Milliseconds since 1970.</param>
    /// <param name="value">What of the value is part of it: see <see cref="ValueOf(double)"/>; 0 for none.</param>
    /// <param name="ordinal">0, or the rank among samples that are equal in all of this.</param>
    public static Guid Of(ReadOnlySpan<byte> series, long startMs, long endMs, long value, int ordinal)
    {
        // 16 + 8 + 8 + 8 + 4 bytes: one block of SHA-256.
        Span<byte> text = stackalloc byte[44];
        series[..SeriesBytes].CopyTo(text);
        BinaryPrimitives.WriteInt64BigEndian(text[16..], startMs);
        BinaryPrimitives.WriteInt64BigEndian(text[24..], endMs);
        BinaryPrimitives.WriteInt64BigEndian(text[32..], value);
        BinaryPrimitives.WriteInt32BigEndian(text[40..], ordinal);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        ShortSha256.HashData(text, digest);
        return Make(series, (uint)Math.Clamp(startMs / 1000, 0, uint.MaxValue), digest);
    }

    /// <summary>The identity of a sample that its source names (a sync identifier, an external id): its times may change with its version.</summary>
    public static Guid OfName(ReadOnlySpan<byte> series, string source, string name)
    {
        var digest = SHA256.HashData(Encoding.UTF8.GetBytes($"{Plain(source)}\u001f{name}\u001f{Convert.ToHexStringLower(series[SeriesBytes..])}"));
        return Make(series, BinaryPrimitives.ReadUInt32BigEndian(digest.AsSpan(20)), digest);
    }

    /// <summary>The part that a number has in the identity.</summary>
    public static long ValueOf(double value) => BitConverter.DoubleToInt64Bits(value == 0 ? 0 : value);

    /// <summary>The part that a named value has in the identity.</summary>
    public static long ValueOf(string name) => BinaryPrimitives.ReadInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(name)));

    private static Guid Make(ReadOnlySpan<byte> series, uint seconds, ReadOnlySpan<byte> digest)
    {
        Span<byte> id = stackalloc byte[16];
        series.Slice(SeriesBytes, sizeof(ushort)).CopyTo(id);
        BinaryPrimitives.WriteUInt32BigEndian(id[2..], seconds);
        digest[..10].CopyTo(id[6..]);
        id[6] = (byte)((id[6] & 0x0F) | 0x80);
        id[8] = (byte)((id[8] & 0x3F) | 0x80);
        return new Guid(id, bigEndian: true);
    }

    // The same name is written with a plain and with a no-break space.
    private static string Plain(string? text) => (text ?? "").Replace('\u00a0', ' ');
}
