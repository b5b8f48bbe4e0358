using Tidemark.Health.Sources;
using Tidemark.Health.Sync;

namespace Tidemark.Health.Switching;

/// <summary>The way that the app went before: it has its own anchors, and whatever else it likes.</summary>
public interface IHealthPath
{
    /// <summary>Up to where everything of the type is on the server by this path; null: nothing is.</summary>
    Task<HealthAnchor?> GetAnchorAsync(string type, CancellationToken cancellationToken);

    /// <summary>Everything up to there is on the server; goes on there.</summary>
    Task SetAnchorAsync(string type, HealthAnchor? anchor, CancellationToken cancellationToken);

    /// <summary>Sends what is new.</summary>
    Task<HealthSyncReport> RunAsync(CancellationToken cancellationToken);
}
