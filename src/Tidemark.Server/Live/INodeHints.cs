using Tidemark.Model.Values;

namespace Tidemark.Server.Live;

/// <summary>A commit as one node tells it to the others. It may be lost: whoever listens looks at the heads when it has not listened for a while.</summary>
/// <param name="Space">Where.</param>
/// <param name="Position">Its position.</param>
/// <param name="Types">The entity types it wrote; empty: unknown.</param>
/// <param name="Device">Whose it is; null: nobody's in particular.</param>
public sealed record NodeHint(SpaceId Space, long Position, IReadOnlyList<string> Types, string? Device);

/// <summary>What a store that several nodes share carries between them.</summary>
public interface INodeHints
{
    /// <summary>Tells all other nodes.</summary>
    ValueTask TellAsync(IReadOnlyList<NodeHint> hints, CancellationToken cancellationToken);

    /// <summary>Listens until the connection is lost, which throws.</summary>
    /// <param name="listening">It listens from now on; what was told before was not heard.</param>
    /// <param name="heard">A hint came; null: more than can be told.</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task ListenAsync(Func<Task> listening, Func<NodeHint?, Task> heard, CancellationToken cancellationToken);

    /// <summary>The heads of spaces that are there.</summary>
    ValueTask<IReadOnlyList<(SpaceId Space, long Head)>> ReadHeadsAsync(IReadOnlyList<SpaceId> spaces, CancellationToken cancellationToken);
}
