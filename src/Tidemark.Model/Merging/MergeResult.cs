using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Model.Merging;

/// <summary>Where a merged value is from.</summary>
public enum MergeSource
{
    /// <summary>Neither side had a say; the value the remote last showed.</summary>
    Base,
    Local,
    Remote,

    /// <summary>Both sides hold it, or it was made of both.</summary>
    Both,
}

/// <summary>Why a merged value is what it is.</summary>
public enum MergeRule
{
    /// <summary>Only one side changed the field.</summary>
    OneSide,

    /// <summary>Both sides made the same change.</summary>
    SameEdit,

    /// <summary>Both sides changed the field, or one took a monotonic one back; its policy decided.</summary>
    Policy,

    /// <summary>Both sides changed the field of a type whose rows never conflict; the row of the remote stands.</summary>
    ConflictFree,

    /// <summary>The field is always the server's.</summary>
    ServerDerived,

    /// <summary>A key field: the spelling of the remote.</summary>
    Key,

    /// <summary>The type's custom merge decided.</summary>
    Custom,
}

/// <summary>What became of one field.</summary>
/// <param name="Field">Its wire name.</param>
/// <param name="Rule">Why.</param>
/// <param name="Policy">The policy that decided; null unless the rule is <see cref="MergeRule.Policy"/>.</param>
/// <param name="From">Whose value it is.</param>
/// <param name="Note">What a person should know besides: an overlap, a fallback and its cause. Null: nothing.</param>
public sealed record FieldMerge(string Field, MergeRule Rule, FieldPolicy? Policy, MergeSource From, string? Note = null);

/// <summary>The outcome of a merge: a value, nothing was changed anywhere.</summary>
/// <param name="Merged">The row as it is to be here; the live row while a person is asked.</param>
/// <param name="Fields">Every field in which a side differs from the base, or the sides from each other, in field order.</param>
/// <param name="HasConflict">Both sides changed one field to different values.</param>
public sealed record MergeResult(Row Merged, IReadOnlyList<FieldMerge> Fields, bool HasConflict)
{
    /// <summary>Why a person must decide; null when none must.</summary>
    public string? ManualReason { get; init; }

    /// <summary>What comes out when the person takes what is here: everything that needs no decision merged, the rest as it is here. Null when none must decide.</summary>
    public Row? Proposed { get; init; }
}
