using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Client.Coordination;

/// <summary>
/// Keeps the run lock while an answer takes its time: it is renewed on a connection of its own, because the run may be at work on the engine's meanwhile.
/// A request that is answered in time costs nothing but a timer.
/// </summary>
internal sealed class LockKeeper(LocalStore store, SyncEnvironment environment, long token)
{
    private static readonly TimeSpan Interval = RunLock.Lifetime / 3;

    public async Task<T> KeepAsync<T>(Task<T> answer)
    {
        while (!answer.IsCompleted)
        {
            // A timer and not a delay: the end of a cancelled delay comes on another thread.
            var tick = new TaskCompletionSource();
            var timer = environment.Time.CreateTimer(_ => tick.TrySetResult(), null, Interval, Timeout.InfiniteTimeSpan);
            await using (timer.ConfigureAwait(false))
            {
                if (await Task.WhenAny(answer, tick.Task).ConfigureAwait(false) == answer)
                {
                    break;
                }
            }

            Renew();
        }

        return await answer.ConfigureAwait(false);
    }

    private void Renew()
    {
        try
        {
            store.OnConnectionOfItsOwn(db => RunLock.Renew(db, token, environment));
        }
        catch (StoreException)
        {
            // The next tick tries again; a lock that was lost is noticed by the run's next transaction.
        }
    }
}
