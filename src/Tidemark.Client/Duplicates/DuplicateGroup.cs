using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Client.Duplicates;

/// <summary>One of several rows that describe the same thing.</summary>
/// <param name="Key">Its key.</param>
/// <param name="Row">The row as it is here.</param>
/// <param name="IsSynced">The server has shown it; other devices may have it.</param>
/// <param name="IsPending">It has changes that are not sent yet.</param>
/// <param name="IsDead">A dead letter of it waits for a person.</param>
/// <param name="References">How many rows here refer to it.</param>
public sealed record DuplicateRow(EntityKey Key, Row Row, bool IsSynced, bool IsPending, bool IsDead, long References);

/// <summary>Rows that share the values of a natural key.</summary>
/// <param name="Type">The entity type.</param>
/// <param name="Fields">The natural key's fields.</param>
/// <param name="Values">The values they share, in that order.</param>
/// <param name="Rows">The row that stays when nobody says otherwise first: the same one on every device that has the same rows.</param>
public sealed record DuplicateGroup(string Type, IReadOnlyList<string> Fields, IReadOnlyList<Value> Values, IReadOnlyList<DuplicateRow> Rows);

/// <summary>What was found.</summary>
/// <param name="Groups">By type in sync order, then by the row that stays.</param>
/// <param name="Total">How many groups there are; more than are listed when the limit was reached.</param>
/// <param name="IsFullyFetched">False: rows are still to come, and nothing can be merged yet.</param>
public sealed record DuplicateReport(IReadOnlyList<DuplicateGroup> Groups, int Total, bool IsFullyFetched);

/// <summary>A natural key that is asked for besides those the model declares.</summary>
public sealed record DuplicateRule(string Type, IReadOnlyList<string> Fields);

/// <summary>Where a merge stands.</summary>
public enum MergeState
{
    /// <summary>Carried out here; the deletion has no verdict yet.</summary>
    Merged,

    /// <summary>The server knows it too.</summary>
    Done,

    /// <summary>The row came back: it was changed elsewhere meanwhile, or the row it was merged into was gone.</summary>
    Returned,
}

/// <summary>A reference that was moved from one row to the other.</summary>
/// <param name="Type">The type of the row that refers.</param>
/// <param name="Key">Its key, in wire form.</param>
/// <param name="Fields">The fields of the reference.</param>
public sealed record MovedReference(string Type, string Key, IReadOnlyList<string> Fields);

/// <summary>The record of one merge: nothing that a row held is lost with it.</summary>
public sealed record MergeRecord
{
    public long Id { get; init; }

    public required DateTimeOffset At { get; init; }

    public required string Type { get; init; }

    /// <summary>The row that is gone, by its key in wire form.</summary>
    public required string Key { get; init; }

    /// <summary>The row that stands for it.</summary>
    public required string Into { get; init; }

    public MergeState State { get; init; }

    /// <summary>The row that is gone, as it was.</summary>
    public Row? Gone { get; init; }

    /// <summary>The row that stayed, as it was.</summary>
    public Row? Before { get; init; }

    /// <summary>The row that stayed, as it was then made.</summary>
    public Row? After { get; init; }

    /// <summary>The fields in which the two differed, and whose value stands: local is the row that stayed.</summary>
    public IReadOnlyList<FieldMerge> Fields { get; init; } = [];

    public IReadOnlyList<MovedReference> Moved { get; init; } = [];
}

/// <summary>What a merge did.</summary>
/// <param name="Merged">One record for each row that is gone; children that became one with their like included.</param>
/// <param name="Skipped">Groups that were no duplicates any more when their turn came.</param>
public sealed record DuplicateMergeReport(IReadOnlyList<MergeRecord> Merged, int Skipped);
