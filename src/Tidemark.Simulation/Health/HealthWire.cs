using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Health.Sync;
using Tidemark.Model.Health;
using Tidemark.Simulation.Clock;

namespace Tidemark.Simulation.Health;

/// <summary>A phone's way to the server: slow, lossy, and now and then a batch arrives hours after its phone gave it up.</summary>
internal sealed class HealthWire(HealthRun run, SyncEnvironment environment, Dice dice) : IHealthUploader, IHealthDigestSource
{
    public async Task<HealthBatchResponse> SendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken)
    {
        var bytes = batch.ToArray();
        var fate = run.Calm ? 1.0 : dice.Below(1000) / 1000.0;
        await environment.DelayAsync(TimeSpan.FromMilliseconds(run.Calm ? 50 : 50 + dice.Skewed(1500)), cancellationToken).ConfigureAwait(false);
        if (run.IsAway || fate < run.Loss)
        {
            run.Met("lost");
            throw Lost();
        }

        if (fate < run.Loss * 1.5)
        {
            run.Met("late");
            run.ArriveLater(() => run.Upsert(bytes));
            await environment.DelayAsync(Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false);
        }

        var response = run.Upsert(bytes);
        if (fate < run.Loss * 2)
        {
            run.Met("answer lost");
            throw Lost();
        }

        return response;
    }

    public async Task<HealthDigests> GetDigestsAsync(string type, CancellationToken cancellationToken)
    {
        await environment.DelayAsync(TimeSpan.FromMilliseconds(50), cancellationToken).ConfigureAwait(false);
        return run.IsAway || (!run.Calm && dice.Chance(run.Loss)) ? throw Lost() : run.Digests(type);
    }

    private static SyncException Lost() => new(SyncErrorCode.NetworkError, "The connection broke.", retryable: true);
}
