using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Coordination;

/// <summary>
/// A lease that is held: renewed at a third of its time, given back at the end. Its time counts from when the request was sent, by this side's timers, so it is over here
/// before it is over there, whatever the clocks say.
/// </summary>
public sealed class SyncLease : IAsyncDisposable
{
    private readonly ILeases _remote;
    private readonly SyncEnvironment _environment;
    private readonly string _id;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _lock = new();
    private readonly Task _renewing;
    private TaskCompletionSource<bool>? _wait;
    private bool _isEnded;
    private int _isDisposed;

    internal SyncLease(ILeases remote, SyncEnvironment environment, LeaseResponse given, long asked)
    {
        _remote = remote;
        _environment = environment;
        _id = given.LeaseId;
        Lost = _lost.Token;
        remote.Lease = _id;
        _renewing = RenewAsync(asked, TimeSpan.FromMilliseconds(given.ExpiresInMs));
    }

    /// <summary>Cancelled when the lease is lost: the work stops.</summary>
    public CancellationToken Lost { get; }

    /// <summary>What the work fails with when the lease is lost.</summary>
    public static SyncException LostError(Exception? inner = null) =>
        new(SyncErrorCode.LeaseLost, "The server's admission for bulk work was lost; the work stopped where it was. Nothing is lost, the next run goes on.", retryable: true, inner) { WireCode = ErrorCodes.LeaseLost };

    /// <summary>Gives it back; trouble with that is not worth a word, for it expires by itself.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        EndWait();
#pragma warning disable CA1849 // CancelAsync would end the renewal on another thread; nothing here takes long.
        _end.Cancel();
#pragma warning restore CA1849
        await _renewing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _remote.Lease = null;
        if (!_lost.IsCancellationRequested)
        {
            try
            {
                await _remote.ReleaseLeaseAsync(_id, CancellationToken.None).ConfigureAwait(false);
            }
            catch (SyncException)
            {
                // It runs out by itself.
            }
        }

        _lost.Dispose();
        _end.Dispose();
    }

    // False: the lease is given back. A cancelled delay would end on another thread.
    private async Task<bool> WaitAsync(TimeSpan time)
    {
        var wait = new TaskCompletionSource<bool>();
        lock (_lock)
        {
            if (_isEnded)
            {
                return false;
            }

            _wait = wait;
        }

        var timer = _environment.Time.CreateTimer(_ => wait.TrySetResult(true), null, time, Timeout.InfiniteTimeSpan);
        await using (timer.ConfigureAwait(false))
        {
            return await wait.Task.ConfigureAwait(false);
        }
    }

    private void EndWait()
    {
        TaskCompletionSource<bool>? wait;
        lock (_lock)
        {
            (_isEnded, wait) = (true, _wait);
        }

        wait?.TrySetResult(false);
    }

    private async Task RenewAsync(long since, TimeSpan time)
    {
        while (true)
        {
            if (!await WaitAsync(time / 3).ConfigureAwait(false))
            {
                return;
            }

            var asked = _environment.Time.GetTimestamp();
            try
            {
                var renewed = await _remote.RenewLeaseAsync(_id, _end.Token).ConfigureAwait(false);
                (since, time) = (asked, TimeSpan.FromMilliseconds(renewed.ExpiresInMs));
            }
            catch (SyncException e) when (e.Retryable && e.Code != SyncErrorCode.LeaseLost && _environment.Time.GetElapsedTime(since) < time)
            {
                // No answer: there is time for another attempt.
            }
            catch (SyncException)
            {
#pragma warning disable CA1849 // as above
                _lost.Cancel();
#pragma warning restore CA1849
                return;
            }
        }
    }
}

/// <summary>Asks the server to admit bulk work, so that many devices do not overload it at once.</summary>
public sealed class SyncLeaseManager(ILeases remote, SyncEnvironment environment)
{
    /// <summary>A lease for this device. One whose answer was lost is given again.</summary>
    /// <exception cref="SyncException">RateLimited: denied; the server says when to ask again, and keeps the place until then.</exception>
    public Task<SyncLease> AcquireAsync(string deviceId, CancellationToken cancellationToken) => AcquireAsync(deviceId, work: null, cancellationToken);

    /// <summary>As above, for another kind of work than the device's rows.</summary>
    /// <param name="deviceId">The device.</param>
    /// <param name="work">Has a lease of its own, such as health_ingest.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <exception cref="SyncException">As above.</exception>
    public async Task<SyncLease> AcquireAsync(string deviceId, string? work, CancellationToken cancellationToken)
    {
        var asked = environment.Time.GetTimestamp();
        var given = await remote.AskLeaseAsync(new LeaseRequest { DeviceId = deviceId, Work = work }, cancellationToken).ConfigureAwait(false);
        return new SyncLease(remote, environment, given, asked);
    }
}
