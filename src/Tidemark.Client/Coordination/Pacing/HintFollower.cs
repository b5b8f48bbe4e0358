using Microsoft.Extensions.Logging;
using Tidemark.Client.Environment;
using Tidemark.Client.Observing;
using Tidemark.Client.Remotes;

namespace Tidemark.Client.Coordination.Pacing;

/// <summary>Keeps the connection for hints open while the loop wants it. Used by the loop alone.</summary>
internal sealed class HintFollower(ILiveHints hints, HintGate gate, SyncEnvironment environment, ILogger log)
{
    private CancellationTokenSource? _stop;
    private Task _running = Task.CompletedTask;

    public HintGate Gate => gate;

    /// <param name="isWanted">Connected, or not.</param>
    /// <param name="due">Called on any thread when a hint tells of something that no run has pulled.</param>
    public async Task WantAsync(bool isWanted, Action due)
    {
        if (isWanted == (_stop is not null))
        {
            return;
        }

        if (isWanted)
        {
            var stop = _stop = new CancellationTokenSource();
            _running = environment.AwayAsync(() => FollowAsync(due, stop.Token));
            return;
        }

        await _stop!.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stop.Dispose();
        _stop = null;
    }

    private async Task<bool> FollowAsync(Action due, CancellationToken cancellationToken)
    {
        try
        {
            await hints.RunAsync(
                hint =>
                {
                    gate.Hinted(hint);
                    if (gate.IsDue)
                    {
                        due();
                    }
                },
                cancellationToken).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // the top of a loop of its own: without hints syncing goes on, at its intervals
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            log.HintsFailed(e);
        }
        catch (OperationCanceledException)
        {
            // Stopped as asked.
        }

        return true;
    }
}
