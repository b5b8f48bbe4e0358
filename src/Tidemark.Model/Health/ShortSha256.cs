using System.Buffers.Binary;
using System.Numerics;

namespace Tidemark.Model.Health;

/// <summary>
/// SHA-256 of up to 55 bytes: one block. The platform's costs two microseconds for so short a text, most of them for getting there and back, and an import makes
/// one for every sample; a test holds the two to the same digests.
/// </summary>
internal static class ShortSha256
{
    public const int BytesMax = 55;
    private const int BlockBytes = 64;
    private const int Rounds = 64;

    internal static ReadOnlySpan<uint> Begin => [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

    internal static ReadOnlySpan<uint> Constants =>
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    /// <param name="text">At most <see cref="BytesMax"/> bytes.</param>
    /// <param name="digest">32 bytes.</param>
    public static void HashData(ReadOnlySpan<byte> text, Span<byte> digest)
    {
        if (text.Length > BytesMax)
        {
            throw new ArgumentOutOfRangeException(nameof(text), text.Length, $"At most {BytesMax} bytes are one block.");
        }

        Span<byte> block = stackalloc byte[BlockBytes];
        block.Clear();
        text.CopyTo(block);
        block[text.Length] = 0x80;
        BinaryPrimitives.WriteUInt64BigEndian(block[^sizeof(ulong)..], (ulong)text.Length * 8);

        Span<uint> words = stackalloc uint[Rounds];
        Expand(block, words);
        Span<uint> state = stackalloc uint[8];
        Begin.CopyTo(state);
        Mix(words, state);
        for (var i = 0; i < state.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(digest[(i * sizeof(uint))..], state[i]);
        }
    }

    private static void Expand(ReadOnlySpan<byte> block, Span<uint> words)
    {
        for (var i = 0; i < 16; i++)
        {
            words[i] = BinaryPrimitives.ReadUInt32BigEndian(block[(i * sizeof(uint))..]);
        }

        for (var i = 16; i < words.Length; i++)
        {
            var (x, y) = (words[i - 15], words[i - 2]);
            words[i] = words[i - 16] + (BitOperations.RotateRight(x, 7) ^ BitOperations.RotateRight(x, 18) ^ (x >> 3)) + words[i - 7] + (BitOperations.RotateRight(y, 17) ^ BitOperations.RotateRight(y, 19) ^ (y >> 10));
        }
    }

    private static void Mix(ReadOnlySpan<uint> words, Span<uint> state)
    {
        var (a, b, c, d, e, f, g, h) = (state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]);
        var constants = Constants[..words.Length];
        for (var i = 0; i < words.Length; i++)
        {
            var first = h + (BitOperations.RotateRight(e, 6) ^ BitOperations.RotateRight(e, 11) ^ BitOperations.RotateRight(e, 25)) + (g ^ (e & (f ^ g))) + constants[i] + words[i];
            var second = (BitOperations.RotateRight(a, 2) ^ BitOperations.RotateRight(a, 13) ^ BitOperations.RotateRight(a, 22)) + ((a & b) | (c & (a | b)));
            h = g;
            g = f;
            f = e;
            e = d + first;
            d = c;
            c = b;
            b = a;
            a = first + second;
        }

        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
        state[5] += f;
        state[6] += g;
        state[7] += h;
    }
}
