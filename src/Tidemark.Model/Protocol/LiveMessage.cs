namespace Tidemark.Model.Protocol;

/// <summary>One message of GET /sync/live: a space has moved. A hint only; it may be lost, and it may join several commits.</summary>
public sealed record LiveMessage
{
    /// <summary>What comes behind the name of an entity type whose rows changed: `journal_entries.updated`.</summary>
    public const string Updated = ".updated";

    /// <summary>The first message of a connection: where the head is now.</summary>
    public const string Head = "space.head";

    /// <summary>Who is a member of the space has changed, or what they may do: ask GET /spaces. Told to those who listen to all their spaces.</summary>
    public const string Members = "space.members";

    /// <summary>As `space` of the request: all spaces of the user, those that he joins later included.</summary>
    public const string AllSpaces = "*";

    /// <summary>An entity type and <see cref="Updated"/>, or <see cref="Head"/>. Others may be added; any of them means that the space has moved to the position.</summary>
    public required string Type { get; init; }

    public required string Space { get; init; }

    /// <summary>The position of the newest commit it tells of.</summary>
    public required long Position { get; init; }
}
