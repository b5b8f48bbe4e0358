using Tidemark.Model.Entities;
using Tidemark.Server.Storage;

namespace Tidemark.Server.Snapshots;

/// <summary>Writes all rows of a space into a file, as <see cref="Model.Protocol.SnapshotFormat"/> says.</summary>
public interface ISnapshotWriter
{
    /// <param name="path">A file that is not there.</param>
    /// <param name="snapshot">What is written.</param>
    /// <param name="model">Its types.</param>
    /// <param name="cursor">Where pages go on; null where it is each reader's own.</param>
    /// <param name="cancellationToken">Ends it; what was written is of no use then.</param>
    /// <returns>How many rows there are.</returns>
    /// <exception cref="IOException">The file cannot be written.</exception>
    Task<long> WriteAsync(string path, IStoreSnapshot snapshot, SyncModel model, string? cursor, CancellationToken cancellationToken);
}
