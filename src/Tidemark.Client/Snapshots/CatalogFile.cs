using Tidemark.Model.Protocol;

namespace Tidemark.Client.Snapshots;

/// <summary>A catalog as a file, to be shipped with an app.</summary>
public static class CatalogFile
{
    /// <summary>Fetches it; when it exists already, goes on where an earlier call stopped.</summary>
    /// <param name="remote">Where it is.</param>
    /// <param name="space">`c:` and the catalog's name.</param>
    /// <param name="manifest">What <see cref="ISnapshots.GetSnapshotAsync"/> told of it.</param>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static Task FetchAsync(ISnapshots remote, string space, SnapshotManifest manifest, string path, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(remote);
        ArgumentNullException.ThrowIfNull(manifest);
        return SnapshotDownload.RunAsync(remote, space, manifest, path, static () => { }, cancellationToken);
    }
}
