using Tidemark.Client.Environment;

namespace Tidemark.Client.Coordination;

/// <summary>
/// How long a caller that repeats runs waits after one that met trouble. The server's own wish is kept by the service as well:
/// until it is over no run sends anything.
/// </summary>
public sealed class RetryPause(Backoff backoff, SyncEnvironment environment)
{
    private int _failuresInARow;

    /// <summary>At least what the server asked for, and a backoff with full jitter on top, so that devices do not come back in step; null after a run without trouble.</summary>
    public TimeSpan? After(SyncReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        if (report.Error is not { } error)
        {
            _failuresInARow = 0;
            return null;
        }

        _failuresInARow = Math.Min(_failuresInARow + 1, int.MaxValue - 1);
        return (error.RetryAfter ?? TimeSpan.Zero) + TimeSpan.FromMilliseconds(backoff.DelayMs(_failuresInARow, environment));
    }
}
