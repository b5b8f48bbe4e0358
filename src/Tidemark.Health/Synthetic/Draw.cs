namespace Tidemark.Health.Synthetic;

/// <summary>Numbers that follow from what they are for: the same seed, name and index give the same, in any order and on any machine.</summary>
internal readonly struct Draw(long seed)
{
    public ulong Bits(string name, long index)
    {
        var hash = unchecked((ulong)seed * 0x9E3779B97F4A7C15) ^ unchecked((ulong)index * 0xD1B54A32D192ED03);
        foreach (var c in name)
        {
            hash = unchecked((hash ^ c) * 0x100000001B3);
        }

        // splitmix64
        hash = unchecked(hash + 0x9E3779B97F4A7C15);
        hash = unchecked((hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9);
        hash = unchecked((hash ^ (hash >> 27)) * 0x94D049BB133111EB);
        return hash ^ (hash >> 31);
    }

    /// <summary>From 0 to below the limit.</summary>
    public long Below(string name, long index, long limit) => (long)(Bits(name, index) % (ulong)limit);

    public double Between(string name, long index, double least, double most) => least + ((most - least) * (Bits(name, index) >> 11) / (1UL << 53));
}
