namespace Tidemark.Client.Remotes.Several;

/// <summary>One of several remotes of a file.</summary>
/// <param name="Name">As the file knows it: `tidemark remotes`.</param>
/// <param name="Remote">The backend.</param>
public sealed record NamedRemote(string Name, IStagedRemote Remote)
{
    // What this process has learned of it.
    internal bool IsOpen { get; set; }

    internal DateTimeOffset? PausedUntil { get; set; }

    internal DateTimeOffset? ListedAt { get; set; }
}
