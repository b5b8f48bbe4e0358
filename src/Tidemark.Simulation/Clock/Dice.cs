namespace Tidemark.Simulation.Clock;

/// <summary>Random numbers of one seed (SplitMix64): the same on every machine and in every version of the framework.</summary>
internal sealed class Dice(ulong seed)
{
    private ulong _state = seed;

    /// <summary>A seed made of two numbers.</summary>
    public static ulong Mix(ulong a, ulong b) => Scramble(a + (0x9E3779B97F4A7C15UL * (b + 1)));

    public ulong Next()
    {
        _state += 0x9E3779B97F4A7C15UL;
        return Scramble(_state);
    }

    /// <summary>In [0, bound).</summary>
    public int Below(int bound) => (int)(Next() % (ulong)bound);

    /// <summary>In [least, most].</summary>
    public int Between(int least, int most) => least + Below(most - least + 1);

    /// <summary>In [0, bound).</summary>
    public long Below(long bound) => (long)(Next() % (ulong)bound);

    public bool Chance(double probability) => (Next() >> 11) * (1.0 / (1UL << 53)) < probability;

    public T Pick<T>(IReadOnlyList<T> from) => from[Below(from.Count)];

    /// <summary>Small numbers far more often than large ones, in [0, bound).</summary>
    public int Skewed(int bound) => Math.Min(Below(bound), Below(bound));

    /// <summary>A die of its own, so that what is drawn from it moves nothing here.</summary>
    public Dice Fork() => new(Next());

    public void Fill(Span<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)(Next() >> 56);
        }
    }

    private static ulong Scramble(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
