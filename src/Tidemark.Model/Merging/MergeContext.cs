namespace Tidemark.Model.Merging;

/// <summary>Everything a merge may know besides the three rows.</summary>
public sealed record MergeContext
{
    /// <summary>The only time a merge sees.</summary>
    public required DateTimeOffset Now { get; init; }

    /// <summary>The functions that types may name. Default: none.</summary>
    public CustomMergeRegistry Merges { get; init; } = CustomMergeRegistry.None;
}
