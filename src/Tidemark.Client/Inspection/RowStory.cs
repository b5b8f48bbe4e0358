using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Inspection;

/// <summary>One thing that happened to a row.</summary>
/// <param name="At">When; null for what holds now.</param>
/// <param name="Kind">captured, frozen, accepted, refused, conflict, discarded, settled, merged, aside, renumbered, deleted or now; with several remotes also written (a field, by whom) and remote (how the row stands with one).</param>
/// <param name="Text">In plain words.</param>
public sealed record StoryEvent(DateTimeOffset? At, string Kind, string Text);

/// <summary>How a row stands between this device and the server, or all remotes of the file.</summary>
public enum RowStanding
{
    /// <summary>Neither here nor known to have been.</summary>
    Unknown,

    /// <summary>Here as the server last showed it.</summary>
    InStep,

    /// <summary>Changed here; to be sent, or on its way.</summary>
    Pending,

    /// <summary>Waits for a person: a dead letter or an open conflict.</summary>
    Diverged,

    /// <summary>The server has shown a version that cannot be applied yet.</summary>
    PutAside,

    /// <summary>Deleted on both sides.</summary>
    Deleted,
}

/// <summary>The story of one row, from capture to acceptance.</summary>
public sealed record RowStory
{
    public required string Type { get; init; }

    public required string Key { get; init; }

    public required RowStanding Standing { get; init; }

    /// <summary>Why it is not in step; null when it is.</summary>
    public string? Why { get; init; }

    public Row? Live { get; init; }

    /// <summary>The row as the server last showed it.</summary>
    public Row? Base { get; init; }

    /// <summary>Fields in which the two differ.</summary>
    public IReadOnlyList<string> Pending { get; init; } = [];

    /// <summary>The version the server last showed.</summary>
    public long? Version { get; init; }

    /// <summary>In the order in which it happened; what holds now at the end.</summary>
    public required IReadOnlyList<StoryEvent> Events { get; init; }

    /// <summary>Conflicts of the row, the oldest first.</summary>
    public required IReadOnlyList<ConflictRecord> Conflicts { get; init; }
}
