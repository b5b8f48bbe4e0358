using System.Globalization;

namespace Tidemark.Model.Values;

/// <summary>The partition that orders and isolates rows; by default one per user. At most 200 characters.</summary>
public readonly record struct SpaceId(string Value)
{
    public override string ToString() => Value;
}

/// <summary>One installation of the app.</summary>
public readonly record struct DeviceId(string Value)
{
    public override string ToString() => Value;
}

/// <summary>Who is signed in; what a token says, never what a body says.</summary>
public readonly record struct UserId(string Value)
{
    public override string ToString() => Value;
}

/// <summary>A place in a space's order, in microseconds since 1970 or one more than the last.</summary>
public readonly record struct Position(long Value) : IComparable<Position>
{
    public static Position None => new(0);

    public int CompareTo(Position other) => Value.CompareTo(other.Value);

    public static bool operator <(Position left, Position right) => left.Value < right.Value;

    public static bool operator >(Position left, Position right) => left.Value > right.Value;

    public static bool operator <=(Position left, Position right) => left.Value <= right.Value;

    public static bool operator >=(Position left, Position right) => left.Value >= right.Value;

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The position of a row's last change; never reused.</summary>
public readonly record struct RowVersion(long Value) : IComparable<RowVersion>
{
    public static RowVersion None => new(0);

    public int CompareTo(RowVersion other) => Value.CompareTo(other.Value);

    public static bool operator <(RowVersion left, RowVersion right) => left.Value < right.Value;

    public static bool operator >(RowVersion left, RowVersion right) => left.Value > right.Value;

    public static bool operator <=(RowVersion left, RowVersion right) => left.Value <= right.Value;

    public static bool operator >=(RowVersion left, RowVersion right) => left.Value >= right.Value;

    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>The sequence of a captured note in one store; strictly increasing.</summary>
public readonly record struct OutboxEventId(long Value)
{
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>UUIDs of version 7 (RFC 9562) from a given time and given randomness.</summary>
public static class UuidV7
{
    /// <param name="unixMilliseconds">Milliseconds since 1970.</param>
    /// <param name="random">At least 10 random bytes.</param>
    public static Guid Create(long unixMilliseconds, ReadOnlySpan<byte> random)
    {
        Span<byte> bytes = stackalloc byte[16];
        for (var i = 0; i < 6; i++)
        {
            bytes[i] = (byte)(unixMilliseconds >> (8 * (5 - i)));
        }

        random[..10].CopyTo(bytes[6..]);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x70);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }
}
