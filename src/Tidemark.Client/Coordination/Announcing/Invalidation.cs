using Tidemark.Model.Values;

namespace Tidemark.Client.Coordination.Announcing;

/// <summary>What changed rows.</summary>
public enum InvalidationSource
{
    /// <summary>The push of a run: ids replaced, rows as the server made them.</summary>
    Push,

    /// <summary>The apply of a run: what others wrote.</summary>
    Apply,

    /// <summary>A commit that was not of this service: the app's own, or another process's.</summary>
    Elsewhere,
}

/// <summary>A row has another id now.</summary>
public sealed record IdReplacement(EntityKey Old, EntityKey New);

/// <summary>Rows of one type changed.</summary>
/// <param name="Type">The entity type.</param>
/// <param name="Ids">Which, former and new ids after a replacement included; null: too many to name, or not known.</param>
/// <param name="Replaced">Ids that were replaced; with many, the first thousand.</param>
public sealed record TypeInvalidation(string Type, IReadOnlyList<EntityKey>? Ids, IReadOnlyList<IdReplacement> Replaced);

/// <summary>Rows changed and are committed: whoever keeps copies fetches them again. At most one of each source and run.</summary>
public sealed record Invalidation(InvalidationSource Source, IReadOnlyList<TypeInvalidation> Types);
