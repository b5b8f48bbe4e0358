using Tidemark.Model.Values;

namespace Tidemark.Model.Cursors;

/// <summary>A cursor was asked to move back: a fault of the engine, the server or the file. Nothing was changed.</summary>
public sealed class CursorBackwardException(string entityType, EntityCursor from, EntityCursor to)
    : Exception($"The cursor of {entityType} would move back from {from} to {to}. Nothing was changed.")
{
    public string EntityType { get; } = entityType;

    public EntityCursor From { get; } = from;

    public EntityCursor To { get; } = to;
}

/// <summary>Applied up to here for one entity type: the position (a time in microseconds) and id of the last row.</summary>
/// <param name="LastCreatedAt">The position of the last row; zero before the first.</param>
/// <param name="LastId">The wire form of that row's id; empty before the first.</param>
public readonly record struct EntityCursor(Position LastCreatedAt, string LastId) : IComparable<EntityCursor>
{
    public static EntityCursor Start => new(Position.None, "");

    /// <summary>A total order: position, then id in the order of the keys; the server orders rows of one position by it.</summary>
    public int CompareTo(EntityCursor other)
    {
        var byPosition = LastCreatedAt.CompareTo(other.LastCreatedAt);
        return byPosition != 0 ? byPosition : CursorIds.Compare(LastId, other.LastId);
    }

    /// <summary>The cursor moved on to <paramref name="to"/>.</summary>
    /// <exception cref="CursorBackwardException">It lies before this one.</exception>
    public EntityCursor Advance(string entityType, EntityCursor to) =>
        to >= this ? to : throw new CursorBackwardException(entityType, this, to);

    public static bool operator <(EntityCursor left, EntityCursor right) => left.CompareTo(right) < 0;

    public static bool operator >(EntityCursor left, EntityCursor right) => left.CompareTo(right) > 0;

    public static bool operator <=(EntityCursor left, EntityCursor right) => left.CompareTo(right) <= 0;

    public static bool operator >=(EntityCursor left, EntityCursor right) => left.CompareTo(right) >= 0;

    public override string ToString() => $"({LastCreatedAt}, {LastId})";
}

/// <summary>The cursors of all entity types of one remote and space; the floor is the least of them.</summary>
public sealed class CompositeCursor
{
    private readonly SortedDictionary<string, EntityCursor> _cursors = new(StringComparer.Ordinal);

    public CompositeCursor()
    {
    }

    public CompositeCursor(IEnumerable<KeyValuePair<string, EntityCursor>> cursors)
    {
        foreach (var (type, cursor) in cursors)
        {
            _cursors[type] = cursor;
        }
    }

    public IReadOnlyDictionary<string, EntityCursor> Cursors => _cursors;

    public EntityCursor this[string entityType] => _cursors.GetValueOrDefault(entityType, EntityCursor.Start);

    /// <summary>The least cursor; the start while a type has none.</summary>
    public EntityCursor Floor(IEnumerable<string> entityTypes)
    {
        EntityCursor? least = null;
        foreach (var type in entityTypes)
        {
            var cursor = this[type];
            least = least is { } l && l <= cursor ? l : cursor;
        }

        return least ?? EntityCursor.Start;
    }

    /// <exception cref="CursorBackwardException">The cursor would move back; nothing was changed.</exception>
    public void Advance(string entityType, EntityCursor to) => _cursors[entityType] = this[entityType].Advance(entityType, to);
}
