using Tidemark.Fuzzing.Engine;

namespace Tidemark.Fuzzing.Inputs;

/// <summary>Variations that know nothing of the form.</summary>
public static class ByteVariations
{
    private static readonly byte[] Telling = [0x00, 0x01, 0x20, 0x22, 0x27, 0x2C, 0x2D, 0x3A, 0x5B, 0x5C, 0x5D, 0x7B, 0x7D, 0x7F, 0x80, 0xC0, 0xED, 0xEF, 0xF4, 0xFE, 0xFF];

    public static byte[] Vary(byte[] input, byte[] other, FuzzDice dice, IReadOnlyList<byte[]>? words = null)
    {
        if (input.Length == 0)
        {
            return other.Length == 0 ? [dice.Byte()] : other;
        }

        var at = dice.Next(input.Length);
        var length = 1 + dice.Next(Math.Min(64, input.Length - at));
        switch (dice.Next(10))
        {
            case 0:
                return With(input, at, (byte)(input[at] ^ (1 << dice.Next(8))));
            case 1:
                return With(input, at, dice.Of(Telling));
            case 2:
                return With(input, at, dice.Byte());
            case 3:
                return [.. input.AsSpan(0, at), .. input.AsSpan(at + length)];
            case 4:
                return [.. input.AsSpan(0, at), dice.Of(Telling), .. input.AsSpan(at)];
            case 5:
                return [.. input.AsSpan(0, at + length), .. input.AsSpan(at)];
            case 6:
                return input[..at];
            case 7 when other.Length > 0:
                var from = dice.Next(other.Length);
                return [.. input.AsSpan(0, at), .. other.AsSpan(from)];
            case 8 when other.Length > 0:
                var start = dice.Next(other.Length);
                return [.. input.AsSpan(0, at), .. other.AsSpan(start, Math.Min(length, other.Length - start)), .. input.AsSpan(at)];
            default:
                return words is { Count: > 0 } ? [.. input.AsSpan(0, at), .. dice.Of(words), .. input.AsSpan(at + (dice.Chance(50) ? length : 0))] : With(input, at, dice.Byte());
        }
    }

    private static byte[] With(byte[] input, int at, byte value)
    {
        byte[] copy = [.. input];
        copy[at] = value;
        return copy;
    }
}
