using Tidemark.Fuzzing.Engine;

namespace Tidemark.Fuzzing.Device;

/// <summary>What an input does to a file: some steps of nine bytes, each a kind, a place and a value. The file itself need not be kept.</summary>
public static class Damage
{
    public const int StepBytes = 9;
    private const int Page = 4096;

    public static byte[] Make(FuzzDice dice) => [.. Enumerable.Range(0, dice.Of([1, 1, 1, 2, 3, 8])).SelectMany(_ => Step(dice))];

    public static byte[] Vary(byte[] input, byte[] other, FuzzDice dice) => dice.Next(3) switch
    {
        0 => Make(dice),
        1 when input.Length >= StepBytes => [.. input[..(input.Length / StepBytes * StepBytes)], .. Step(dice)],
        _ => Inputs.ByteVariations.Vary(input, other, dice),
    };

    /// <summary>The damaged bytes of a database, and of its WAL (null: none).</summary>
    public static (byte[] File, byte[]? Wal) Apply(byte[] steps, byte[] file, byte[] walOfAnother)
    {
        byte[] damaged = [.. file];
        byte[]? wal = null;
        for (var i = 0; i + StepBytes <= steps.Length; i += StepBytes)
        {
            var at = (int)(BitConverter.ToUInt32(steps, i + 1) % (uint)Math.Max(1, damaged.Length));
            var value = BitConverter.ToUInt32(steps, i + 5);
            var page = at / Page * Page;
            var length = Math.Min(Page, damaged.Length - page);
            switch (steps[i] % 10)
            {
                case 0 or 1 when damaged.Length > 0:
                    damaged[at] ^= (byte)(1 << (int)(value % 8));
                    break;
                case 2 when damaged.Length > 0:
                    damaged[at] = (byte)value;
                    break;
                case 3 when damaged.Length > 0: // The header and the roots of the first page.
                    damaged[at % Math.Min(200, damaged.Length)] = (byte)value;
                    break;
                case 4:
                    damaged.AsSpan(page, length).Clear();
                    break;
                case 5:
                    damaged = damaged[..(value % 2 == 0 ? page : at)];
                    break;
                case 6 when damaged.Length >= 2 * Page: // A page that was written to another place.
                    var from = (int)(value % (uint)(damaged.Length / Page)) * Page;
                    damaged.AsSpan(from, length).CopyTo(damaged.AsSpan(page, length));
                    break;
                case 7:
                    wal = value % 3 == 0 ? walOfAnother : walOfAnother[..(int)(value % (uint)walOfAnother.Length)];
                    break;
                case 8 when damaged.Length > 0: // The heads of pages: cell counts, pointers, free blocks.
                    damaged[page + (int)(value % 16 % (uint)length)] = (byte)(value >> 8);
                    break;
                default:
                    damaged.AsSpan(at, Math.Min((int)(value % 64), damaged.Length - at)).Fill((byte)(value >> 8));
                    break;
            }
        }

        return (damaged, wal);
    }

    private static byte[] Step(FuzzDice dice) => [dice.Byte(), .. BitConverter.GetBytes((uint)dice.Long()), .. BitConverter.GetBytes((uint)dice.Long())];
}
