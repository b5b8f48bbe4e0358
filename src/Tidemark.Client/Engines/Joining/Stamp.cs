using System.Globalization;

namespace Tidemark.Client.Engines.Joining;

/// <summary>When and where an edit was made: a hybrid logical clock's time. Later edits of what a device has seen have greater stamps, whatever its wall clock says.</summary>
/// <param name="Ms">Milliseconds since 1970.</param>
/// <param name="Counter">Tells edits of one millisecond apart.</param>
/// <param name="Node">The device, or <see cref="Foreign"/>.</param>
internal readonly record struct Stamp(long Ms, int Counter, ulong Node) : IComparable<Stamp>
{
    /// <summary>The node of edits by writers that know no stamps: every device derives the same one.</summary>
    public const ulong Foreign = ulong.MaxValue;

    /// <summary>The largest counter that has a place in the text form.</summary>
    public const int CounterMax = 0xFFFF;

    private const int TextLength = 12 + 1 + 4 + 1 + 16;

    /// <summary>Before every edit: what a file held when it was adopted.</summary>
    public static Stamp Zero => default;

    /// <summary>The next stamp of the same writer; also the one that stands behind this one for certain.</summary>
    public Stamp Successor(ulong node) => Counter < CounterMax ? new Stamp(Ms, Counter + 1, node) : new Stamp(Ms + 1, 0, node);

    public int CompareTo(Stamp other)
    {
        var order = Ms.CompareTo(other.Ms);
        order = order != 0 ? order : Counter.CompareTo(other.Counter);
        return order != 0 ? order : Node.CompareTo(other.Node);
    }

    public static bool operator <(Stamp left, Stamp right) => left.CompareTo(right) < 0;

    public static bool operator >(Stamp left, Stamp right) => left.CompareTo(right) > 0;

    public static bool operator <=(Stamp left, Stamp right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Stamp left, Stamp right) => left.CompareTo(right) >= 0;

    /// <summary>Sorts as text as it does as a stamp.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Ms:x12}-{Counter:x4}-{Node:x16}");

    /// <exception cref="FormatException">It is no stamp.</exception>
    public static Stamp Parse(string? text) => TryParse(text, out var stamp) ? stamp : throw new FormatException($"'{text}' is no stamp.");

    public static bool TryParse(string? text, out Stamp stamp)
    {
        stamp = default;
        if (text is not { Length: TextLength } || text[12] != '-' || text[17] != '-'
            || !long.TryParse(text.AsSpan(0, 12), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var ms)
            || !int.TryParse(text.AsSpan(13, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var counter)
            || !ulong.TryParse(text.AsSpan(18), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var node))
        {
            return false;
        }

        stamp = new Stamp(ms, counter, node);
        return true;
    }
}

/// <summary>A device's clock of stamps. It never goes back, and never behind a stamp that was seen.</summary>
internal sealed class StampClock(Stamp last, ulong node)
{
    /// <summary>The newest stamp given or seen; kept with what it stamps.</summary>
    public Stamp Last { get; private set; } = last;

    public ulong Node => node;

    public Stamp Next(long nowMs) => Last = nowMs > Last.Ms ? new Stamp(nowMs, 0, node) : Last.Successor(node);

    public void Saw(Stamp stamp) => Last = stamp > Last ? stamp : Last;
}
