using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Tidemark.Model.Health;

/// <summary>SHA-256 of eight short texts of one length at once, one in each lane of the processor's wide registers: a sixth of the time of eight alone. A test holds it to the platform's digests.</summary>
internal static class EightSha256
{
    public const int Lanes = 8;
    private const int BlockWords = 16;
    private const int Rounds = 64;

    /// <summary>Is it faster here than one after the other?</summary>
    public static bool IsFast => Vector256.IsHardwareAccelerated;

    /// <param name="text">Word after word (of four bytes, the first one highest), of all eight texts; at most 13.</param>
    /// <param name="digest">The eight words of the digests.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void HashData(ReadOnlySpan<Vector256<uint>> text, Span<Vector256<uint>> digest)
    {
        if (text.Length > BlockWords - 3)
        {
            throw new ArgumentOutOfRangeException(nameof(text), text.Length, "One block has room for 13 words.");
        }

        Span<Vector256<uint>> words = stackalloc Vector256<uint>[Rounds];
        words[..BlockWords].Clear();
        text.CopyTo(words);
        words[text.Length] = Vector256.Create(0x80000000u);
        words[BlockWords - 1] = Vector256.Create((uint)text.Length * 32);
        for (var i = BlockWords; i < Rounds; i++)
        {
            var (x, y) = (words[i - 15], words[i - 2]);
            words[i] = words[i - 16] + (Turn(x, 7) ^ Turn(x, 18) ^ (x >>> 3)) + words[i - 7] + (Turn(y, 17) ^ Turn(y, 19) ^ (y >>> 10));
        }

        var begin = ShortSha256.Begin;
        var (a, b, c, d) = (Vector256.Create(begin[0]), Vector256.Create(begin[1]), Vector256.Create(begin[2]), Vector256.Create(begin[3]));
        var (e, f, g, h) = (Vector256.Create(begin[4]), Vector256.Create(begin[5]), Vector256.Create(begin[6]), Vector256.Create(begin[7]));
        var constants = ShortSha256.Constants;
        for (var i = 0; i < Rounds; i++)
        {
            var first = h + (Turn(e, 6) ^ Turn(e, 11) ^ Turn(e, 25)) + (g ^ (e & (f ^ g))) + Vector256.Create(constants[i]) + words[i];
            var second = (Turn(a, 2) ^ Turn(a, 13) ^ Turn(a, 22)) + ((a & b) | (c & (a | b)));
            (h, g, f, e) = (g, f, e, d + first);
            (d, c, b, a) = (c, b, a, first + second);
        }

        ReadOnlySpan<Vector256<uint>> end = [a, b, c, d, e, f, g, h];
        for (var i = 0; i < end.Length; i++)
        {
            digest[i] = end[i] + Vector256.Create(begin[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Turn(Vector256<uint> value, int bits) => (value >>> bits) | (value << (32 - bits));
}
