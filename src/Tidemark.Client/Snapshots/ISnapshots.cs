using Tidemark.Model.Protocol;

namespace Tidemark.Client.Snapshots;

/// <summary>A remote that may offer all rows of a space as one file.</summary>
public interface ISnapshots
{
    /// <param name="space">Null: the user's own space.</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task<SnapshotManifest> GetSnapshotAsync(string? space, CancellationToken cancellationToken);

    /// <summary>The file from a byte on; from its beginning when it is another one by now.</summary>
    Task<SnapshotPart> OpenSnapshotAsync(string? space, string etag, long from, CancellationToken cancellationToken);
}

/// <summary>A file on its way.</summary>
/// <param name="Bytes">What comes; read it to its end.</param>
/// <param name="IsRest">False: it is the whole file, from its beginning.</param>
public sealed record SnapshotPart(Stream Bytes, bool IsRest) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Bytes.DisposeAsync();
}
