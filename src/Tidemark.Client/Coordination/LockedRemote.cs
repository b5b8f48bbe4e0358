using Tidemark.Client.Environment;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Sqlite;

namespace Tidemark.Client.Coordination;

/// <summary>
/// The remote of a run that holds the run lock: while an answer takes its time the lock is renewed, on a connection of its own, because the run may be at work on the
/// engine's meanwhile. A request that is answered in time costs nothing but a timer.
/// </summary>
internal sealed class LockedRemote(IRemote remote, LocalStore store, SyncEnvironment environment, long token) : IRemote
{
    private static readonly TimeSpan Interval = RunLock.Lifetime / 3;

    public Task<ModelInfo> GetModelAsync(CancellationToken cancellationToken) => KeepAsync(remote.GetModelAsync(cancellationToken));

    public Task<ModelInfo> PutModelAsync(SyncModel model, CancellationToken cancellationToken) => KeepAsync(remote.PutModelAsync(model, cancellationToken));

    public Task<PushResponse> PushAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken) => KeepAsync(remote.PushAsync(body, cancellationToken));

    public Task<byte[]> GetChangesAsync(ChangesRequest request, CancellationToken cancellationToken) => KeepAsync(remote.GetChangesAsync(request, cancellationToken));

    public Task<ChecksumsResponse> GetChecksumsAsync(ChecksumsRequest request, CancellationToken cancellationToken) => KeepAsync(remote.GetChecksumsAsync(request, cancellationToken));

    public Task<RowsResponse> GetRowsAsync(RowsRequest request, CancellationToken cancellationToken) => KeepAsync(remote.GetRowsAsync(request, cancellationToken));

    private async Task<T> KeepAsync<T>(Task<T> answer)
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
