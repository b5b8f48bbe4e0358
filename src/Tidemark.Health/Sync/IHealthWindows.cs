namespace Tidemark.Health.Sync;

/// <summary>A background window that is wanted.</summary>
/// <param name="Earliest">Not before this time.</param>
/// <param name="NeedsNetwork">Always true: what waits can go nowhere else.</param>
/// <param name="NeedsPower">Always false: a window is short.</param>
public sealed record HealthWindowRequest(DateTimeOffset Earliest, bool NeedsNetwork = true, bool NeedsPower = false);

/// <summary>
/// The platform's scheduler of work in the background, plugged in by the host: BGTaskScheduler, WorkManager, a timer. When the platform gives the window, the host calls
/// <see cref="HealthIngest.RunWindowAsync"/>. docs/guides/health.md has a sample.
/// </summary>
public interface IHealthWindows
{
    /// <summary>Asks for a window; takes the place of a request that waits.</summary>
    ValueTask RequestAsync(HealthWindowRequest request, CancellationToken cancellationToken);

    /// <summary>Takes the request back that waits: nothing is left to be sent. Where that is not possible, the window finds nothing to do.</summary>
    ValueTask WithdrawAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;
}
