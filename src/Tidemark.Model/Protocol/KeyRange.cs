using System.Buffers.Binary;
using System.Security.Cryptography;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Protocol;

/// <summary>Parts that the rows of a type are divided into for comparing: by the first bits of the SHA-256 of the key's wire form, so that they are of like size whatever the keys are.</summary>
public static class KeyRange
{
    public const int BitsMax = 16;

    /// <summary>The range that a key is in, 0 to 2^bits - 1.</summary>
    public static int Of(EntityType type, EntityKey key, int bits, CanonicalJsonWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Clear();
        writer.WriteKey(type, key);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(writer.Written, hash);
        return (int)(BinaryPrimitives.ReadUInt32BigEndian(hash) >> (32 - bits));
    }

    /// <summary>How many bits make ranges of about 16 rows.</summary>
    public static int BitsFor(long rows) => Math.Clamp(64 - System.Numerics.BitOperations.LeadingZeroCount((ulong)Math.Max(1, rows / 16)), 4, BitsMax);
}
