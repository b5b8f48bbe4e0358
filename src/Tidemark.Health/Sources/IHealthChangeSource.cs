using Tidemark.Model.Health;

namespace Tidemark.Health.Sources;

/// <summary>
/// Something that has samples and can say what was added and deleted since a place it named before: HealthKit's anchored query, Health Connect's changes, an
/// export in a <see cref="Tidemark.Health.Storage.HealthStore"/>. A source keeps no anchor itself: whoever reads does, and only when the page is safe.
/// </summary>
public interface IHealthChangeSource
{
    /// <summary>Names the store behind it; anchors of one source mean nothing to another.</summary>
    string Name { get; }

    /// <summary>The types that it has or may have.</summary>
    ValueTask<IReadOnlyList<string>> GetTypesAsync(CancellationToken cancellationToken);

    /// <summary>
    /// What was added, replaced and deleted after the anchor, in the order in which the source learned of it, whatever the samples' own times are. An empty page
    /// means that nothing changed, or that nobody may look: never that everything was deleted.
    /// </summary>
    /// <param name="type">One type.</param>
    /// <param name="anchor">Where the last page ended; null for all there is.</param>
    /// <param name="limit">Upserts and deletes of one page, together, at most.</param>
    /// <param name="cancellationToken">The deadline of the caller.</param>
    /// <exception cref="HealthSourceException">It cannot be read now, or not from there.</exception>
    ValueTask<HealthChangePage> ReadAsync(string type, HealthAnchor? anchor, int limit, CancellationToken cancellationToken);
}

/// <summary>A place in a source's order; opaque to everybody else.</summary>
public sealed record HealthAnchor(ReadOnlyMemory<byte> Bytes)
{
    public bool Equals(HealthAnchor? other) => other is not null && Bytes.Span.SequenceEqual(other.Bytes.Span);

    public override int GetHashCode() => Bytes.Length == 0 ? 0 : HashCode.Combine(Bytes.Length, Bytes.Span[^1]);
}

/// <summary>One page of a source.</summary>
/// <param name="Upserts">New samples and new versions.</param>
/// <param name="Deletes">Samples that are gone.</param>
/// <param name="Next">After the last of them.</param>
/// <param name="HasMore">There is another page already.</param>
public sealed record HealthChangePage(IReadOnlyList<HealthSample> Upserts, IReadOnlyList<HealthDelete> Deletes, HealthAnchor Next, bool HasMore)
{
    public int Count => Upserts.Count + Deletes.Count;
}

/// <summary>Why a source does not answer.</summary>
public enum HealthSourceTrouble
{
    /// <summary>The source knows the anchor no more: all is read again, and what is known already is recognised.</summary>
    AnchorExpired,

    /// <summary>The device is locked: later.</summary>
    StoreLocked,

    /// <summary>Too many questions: after the time it says.</summary>
    RateLimited,

    /// <summary>Whether the type may be read is not known; an empty answer would mean nothing.</summary>
    PermissionUnknown,
}

/// <summary>A source cannot be read now, or not from there. Never a reason to move an anchor or to delete anything.</summary>
public sealed class HealthSourceException(HealthSourceTrouble trouble, string message, TimeSpan? retryAfter = null) : Exception(message)
{
    public HealthSourceTrouble Trouble { get; } = trouble;

    public TimeSpan? RetryAfter { get; } = retryAfter;
}
