using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Health.Storage;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;

namespace Tidemark.Health.Sync;

/// <summary>A server that admits bulk work of health data by leases.</summary>
public interface IHealthLeases : ILeases
{
    /// <summary>A batch of more items than this carries a lease. 0: none does.</summary>
    /// <exception cref="SyncException">No answer, or a refusal.</exception>
    Task<int> GetLeaseSamplesAsync(CancellationToken cancellationToken);
}

/// <summary>
/// The server's admission of one call's bulk work: asked for before more is sent than one batch that needs none, given back at the end. What is little, and whatever a wake
/// has to send at once, goes in batches that need none.
/// </summary>
internal sealed class HealthAdmission(HealthStore store, IHealthLeases? server, string deviceId, HealthSyncOptions options, SyncEnvironment environment) : IAsyncDisposable
{
    private SyncLease? _lease;
    private int? _free;

    /// <summary>Cancelled when the lease that is held is lost; never without one.</summary>
    public CancellationToken Lost => _lease?.Lost ?? CancellationToken.None;

    /// <summary>Items of one batch that may be sent now.</summary>
    public async Task<int> BatchMaxAsync(CancellationToken cancellationToken)
    {
        if (server is null || _lease is not null)
        {
            return options.PageSamples;
        }

        try
        {
            var free = await FreeAsync(cancellationToken).ConfigureAwait(false);
            return free == 0 ? options.PageSamples : Math.Min(free, options.PageSamples);
        }
        catch (SyncException)
        {
            return Math.Min(HealthLimits.BatchItemsFree, options.PageSamples); // Whoever sends learns what is wrong.
        }
    }

    /// <summary>May the call go on with what waits?</summary>
    /// <param name="hasMore">More is to come than what waits.</param>
    /// <param name="tally">Told why not, and when to ask again.</param>
    /// <param name="cancellationToken">The end of the time.</param>
    public async Task<bool> AdmitAsync(bool hasMore, HealthTally tally, CancellationToken cancellationToken)
    {
        if (server is null || _lease is not null || !environment.Connectivity.IsOnline)
        {
            return true;
        }

        var waiting = hasMore ? long.MaxValue : await store.ReadAsync(() => store.Queue.Waiting, cancellationToken).ConfigureAwait(false);
        if (waiting <= HealthLimits.BatchItemsFree)
        {
            return true;
        }

        try
        {
            var free = await FreeAsync(cancellationToken).ConfigureAwait(false);
            if (free > 0 && waiting > free)
            {
                _lease = await WithinAsync(token => new SyncLeaseManager(server, environment).AcquireAsync(deviceId, LeaseRequest.HealthWork, token), cancellationToken).ConfigureAwait(false);
            }

            return true;
        }
        catch (SyncException e)
        {
            tally.Refused(e);
            return false;
        }
    }

    public ValueTask DisposeAsync() => _lease?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task<int> FreeAsync(CancellationToken cancellationToken) => _free ??= await WithinAsync(server!.GetLeaseSamplesAsync, cancellationToken).ConfigureAwait(false);

    private async Task<T> WithinAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(options.TryTimeout, environment.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            return await ask(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SyncException(SyncErrorCode.NetworkError, "The server did not answer in time.", retryable: true, e);
        }
    }
}
