using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
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

    // 16 + 8 + 8 + 8 + 4 bytes: one block of SHA-256.
    private const int TextBytes = 44;

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
        Span<byte> text = stackalloc byte[TextBytes];
        Write(text, series, startMs, endMs, value, ordinal);
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        ShortSha256.HashData(text, digest);
        return Make(series, SecondsOf(startMs), digest);
    }

    /// <summary>The identities of several samples, each as <see cref="Of(ReadOnlySpan{byte}, long, long, long, int)"/> of ordinal 0 gives it; eight take little more time than one.</summary>
    public static void OfMany(ReadOnlySpan<IdentityFacts> samples, Span<Guid> ids)
    {
        while (samples.Length >= EightSha256.Lanes && EightSha256.IsFast)
        {
            OfEight(samples, ids);
            samples = samples[EightSha256.Lanes..];
            ids = ids[EightSha256.Lanes..];
        }

        for (var i = 0; i < samples.Length; i++)
        {
            ids[i] = Of(samples[i].Series, samples[i].StartMs, samples[i].EndMs, samples[i].Value, 0);
        }
    }

    private static void OfEight(ReadOnlySpan<IdentityFacts> samples, Span<Guid> ids)
    {
        const int words = TextBytes / sizeof(uint);
        Span<uint> text = stackalloc uint[words * EightSha256.Lanes];
        Span<byte> one = stackalloc byte[TextBytes];
        for (var lane = 0; lane < EightSha256.Lanes; lane++)
        {
            ref readonly var sample = ref samples[lane];
            Write(one, sample.Series, sample.StartMs, sample.EndMs, sample.Value, 0);
            for (var i = 0; i < words; i++)
            {
                text[(i * EightSha256.Lanes) + lane] = BinaryPrimitives.ReadUInt32BigEndian(one[(i * sizeof(uint))..]);
            }
        }

        Span<Vector256<uint>> digests = stackalloc Vector256<uint>[SHA256.HashSizeInBytes / sizeof(uint)];
        EightSha256.HashData(MemoryMarshal.Cast<uint, Vector256<uint>>(text), digests);
        var all = MemoryMarshal.Cast<Vector256<uint>, uint>(digests);
        Span<byte> digest = stackalloc byte[12]; // An identity has ten bytes of it.
        for (var lane = 0; lane < EightSha256.Lanes; lane++)
        {
            for (var i = 0; i < digest.Length / sizeof(uint); i++)
            {
                BinaryPrimitives.WriteUInt32BigEndian(digest[(i * sizeof(uint))..], all[(i * EightSha256.Lanes) + lane]);
            }

            ids[lane] = Make(samples[lane].Series, SecondsOf(samples[lane].StartMs), digest);
        }
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

    private static uint SecondsOf(long ms) => (uint)Math.Clamp(ms / 1000, 0, uint.MaxValue);

    private static void Write(Span<byte> text, ReadOnlySpan<byte> series, long startMs, long endMs, long value, int ordinal)
    {
        series[..SeriesBytes].CopyTo(text);
        BinaryPrimitives.WriteInt64BigEndian(text[16..], startMs);
        BinaryPrimitives.WriteInt64BigEndian(text[24..], endMs);
        BinaryPrimitives.WriteInt64BigEndian(text[32..], value);
        BinaryPrimitives.WriteInt32BigEndian(text[40..], ordinal);
    }

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

/// <summary>What an identity is made of.</summary>
/// <param name="Series">Of <see cref="HealthIdentity.Series"/>.</param>
/// <param name="StartMs">Milliseconds since 1970.</param>
/// <param name="EndMs">Milliseconds since 1970.</param>
/// <param name="Value">What of the value is part of it; 0 for none.</param>
public readonly record struct IdentityFacts(byte[] Series, long StartMs, long EndMs, long Value);
