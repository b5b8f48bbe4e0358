namespace Tidemark.Model.Merging;

/// <summary>Everything a merge may know besides the three rows.</summary>
public sealed record MergeContext
{
    /// <summary>The only time a merge sees.</summary>
    public required DateTimeOffset Now { get; init; }
}
