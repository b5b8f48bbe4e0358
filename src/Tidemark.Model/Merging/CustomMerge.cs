using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Merging;

/// <summary>
/// Merges rows of a type that the policies of single fields cannot describe. Pure: the same input always gives the same result,
/// on every device and on every replay; the only time is the context's. Called when both sides differ from the base.
/// </summary>
public delegate CustomMergeResult CustomMerge(CustomMergeInput input);

/// <summary>What a custom merge works with.</summary>
/// <param name="Type">The type of all three rows.</param>
/// <param name="Base">The row as the remote last showed it; null when both sides made it.</param>
/// <param name="Local">The live row.</param>
/// <param name="Remote">The row as the remote shows it now. Absent values are withheld.</param>
/// <param name="Context">The time of the merge.</param>
public sealed record CustomMergeInput(EntityType Type, Row? Base, Row Local, Row Remote, MergeContext Context)
{
    /// <summary>What the policies of the fields alone would do: a start to change what needs changing.</summary>
    public MergeResult ByPolicies() => EntityMerger.MergeByPolicies(Type, Base, Local, Remote, Context);

    /// <summary>Did this device change the field since the base?</summary>
    public bool IsChangedLocally(string field) => Base is null || Local[field] != Base[field];

    /// <summary>Did somebody else change the field since the base?</summary>
    public bool IsChangedRemotely(string field) => !Remote[field].IsAbsent && (Base is null || Remote[field] != Base[field]);
}

/// <summary>What a custom merge came to. Key and server-derived fields are the remote's whatever it says.</summary>
public sealed record CustomMergeResult
{
    private CustomMergeResult()
    {
    }

    /// <summary>The merged row; absent fields are the remote's. Null when a person must decide.</summary>
    public Row? Merged { get; private init; }

    /// <summary>Why a person must decide.</summary>
    public string? ManualReason { get; private init; }

    /// <summary>Fields whose different edits are no conflict to be told of.</summary>
    public IReadOnlyList<string> Quiet { get; private init; } = [];

    public static CustomMergeResult Of(Row merged, params IReadOnlyList<string> quiet) =>
        new() { Merged = merged ?? throw new ArgumentNullException(nameof(merged)), Quiet = quiet };

    public static CustomMergeResult Manual(string reason) => new() { ManualReason = reason ?? throw new ArgumentNullException(nameof(reason)) };
}
