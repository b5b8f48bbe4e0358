namespace Tidemark.Fuzzing.Engine;

/// <summary>Every choice of a search. The same seed makes the same choices on every machine.</summary>
public sealed class FuzzDice(int seed)
{
    private readonly Random _random = new(seed);

    /// <summary>0 to <paramref name="below"/> - 1; 0 when there is nothing to choose from.</summary>
    public int Next(int below) => below <= 1 ? 0 : _random.Next(below);

    public bool Chance(int percent) => _random.Next(100) < percent;

    public byte Byte() => (byte)_random.Next(256);

    public long Long() => _random.NextInt64(long.MinValue, long.MaxValue);

    public T Of<T>(IReadOnlyList<T> items) => items[Next(items.Count)];
}
