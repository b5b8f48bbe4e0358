namespace Tidemark.Model.Protocol;

/// <summary>Reasons of conflicts that a device acts on by name.</summary>
public static class ConflictReasons
{
    /// <summary>A row that was merged into another one cannot go: the other one is gone itself, or a row that would move with its references meets its like there.</summary>
    public const string MergeRefused = "merge";
}
