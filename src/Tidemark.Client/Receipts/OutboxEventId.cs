using System.Globalization;

namespace Tidemark.Client.Receipts;

/// <summary>The number of a captured change in its file; rising, never given again. It names a receipt over restarts of the app.</summary>
public readonly record struct OutboxEventId(long Value) : IComparable<OutboxEventId>
{
    public static OutboxEventId Parse(string text) => new(long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture));

    public int CompareTo(OutboxEventId other) => Value.CompareTo(other.Value);

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    public static bool operator <(OutboxEventId left, OutboxEventId right) => left.CompareTo(right) < 0;

    public static bool operator <=(OutboxEventId left, OutboxEventId right) => left.CompareTo(right) <= 0;

    public static bool operator >(OutboxEventId left, OutboxEventId right) => left.CompareTo(right) > 0;

    public static bool operator >=(OutboxEventId left, OutboxEventId right) => left.CompareTo(right) >= 0;
}
