using Tidemark.Client.Environment;

namespace Tidemark.Client.Coordination;

/// <summary>Exponential backoff with full jitter: a random time up to the bound, which doubles with every attempt.</summary>
public sealed class Backoff
{
    /// <summary>The bound after the first attempt. Default 1,000.</summary>
    public long FirstDelayMs { get; set; } = 1000;

    /// <summary>The greatest bound. Default 300,000 (five minutes).</summary>
    public long DelayMaxMs { get; set; } = 300_000;

    /// <param name="attempts">Attempts made so far, at least 1.</param>
    /// <param name="environment">Where the randomness comes from.</param>
    public long DelayMs(int attempts, SyncEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        return DelayMs(attempts, environment.NextDouble());
    }

    internal long DelayMs(int attempts, double jitter) =>
        (long)(Math.Min(FirstDelayMs * Math.Pow(2, Math.Clamp(attempts - 1, 0, 40)), DelayMaxMs) * jitter);
}
