using Tidemark.Health.Storage;

namespace Tidemark.Health.Switching;

/// <summary>Backups of anchors in the file, by name.</summary>
public sealed class HealthAnchors(HealthStore store)
{
    /// <summary>Keeps the anchors as they are; takes the place of a backup of that name.</summary>
    /// <returns>How many there are.</returns>
    public Task<int> BackUpAsync(string name, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return store.WriteAsync(() => store.Queue.BackUp(name), cancellationToken);
    }

    /// <summary>
    /// Goes on from where everything was on the server when the backup was made; what was sent since is sent again, and recognised. What waits stays in the queue. Types that had no anchor then are
    /// read from their beginning.
    /// </summary>
    /// <returns>How many anchors were set; 0: there is no such backup, and nothing was changed.</returns>
    public Task<int> RestoreAsync(string name, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return store.WriteAsync(() => store.Queue.Restore(name), cancellationToken);
    }

    /// <summary>The backups, the newest first.</summary>
    public Task<IReadOnlyList<(string Name, DateTimeOffset MadeAt)>> ListAsync(CancellationToken cancellationToken) => store.ReadAsync<IReadOnlyList<(string, DateTimeOffset)>>(
        () => store.Query("SELECT name, max(made) FROM _tm_health_backup GROUP BY name ORDER BY 2 DESC, 1").ConvertAll(r => (r[0].AsText, DateTimeOffset.FromUnixTimeMilliseconds(r[1].AsInteger))), cancellationToken);
}
