namespace Tidemark.Server.Storage;

/// <summary>Does again what a store could not do this time, a few times, after growing pauses.</summary>
public static class StoreRetries
{
    private const int AttemptsMax = 8;
    private const int PauseMinMs = 5;

    /// <exception cref="TransientStoreException">It did not go well in the end either.</exception>
    public static async Task<T> RunAsync<T>(ServerEnvironment environment, Func<Task<T>> work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(work);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await work().ConfigureAwait(false);
            }
            catch (TransientStoreException) when (attempt < AttemptsMax)
            {
                // 5 ms to 640 ms, and up to as much again, so that two who met do not meet once more.
                var pause = PauseMinMs << (attempt - 1);
                var jitter = environment.RandomBytes(1)[0] * pause / 256;
                await Task.Delay(TimeSpan.FromMilliseconds(pause + jitter), environment.Time, cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
