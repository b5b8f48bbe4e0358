using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Health.Sync;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Simulation.Clock;

namespace Tidemark.Simulation.Health;

/// <summary>A phone's way to the server: slow, lossy, and now and then a batch arrives hours after its phone gave it up.</summary>
internal sealed class HealthWire(HealthRun run, SyncEnvironment environment, Dice dice) : IHealthUploader, IHealthBlobUploader, IHealthDigestSource, IHealthLeases
{
    private static readonly TimeSpan ShortWay = TimeSpan.FromMilliseconds(50);

    public string? Lease { get; set; }

    public bool TakesBlobs => true;

    public async Task<HealthBatchResponse> SendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken)
    {
        var bytes = batch.ToArray();
        var lease = Lease;
        var fate = run.Calm ? 1.0 : dice.Below(1000) / 1000.0;
        await environment.DelayAsync(run.Calm ? ShortWay : TimeSpan.FromMilliseconds(50 + dice.Skewed(1500)), cancellationToken).ConfigureAwait(false);
        if (run.IsAway || fate < run.Loss)
        {
            run.Met("lost");
            throw Lost();
        }

        if (fate < run.Loss * 1.5)
        {
            run.Met("late");
            run.ArriveLater(() => run.UpsertLate(bytes, lease));
            await environment.DelayAsync(Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false);
        }

        var response = run.Upsert(bytes, lease);
        if (fate < run.Loss * 2)
        {
            run.Met("answer lost");
            throw Lost();
        }

        return response;
    }

    public Task<HealthDigests> GetDigestsAsync(string type, CancellationToken cancellationToken) => AskAsync(() => run.Backend.Digests(type), cancellationToken);

    public Task<int> GetLeaseSamplesAsync(CancellationToken cancellationToken) => AskAsync(() => run.Backend.LeaseSamples, cancellationToken);

    public async Task<LeaseResponse> AskLeaseAsync(LeaseRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return await AskAsync(() => run.Backend.AskLease(request), cancellationToken).ConfigureAwait(false);
        }
        catch (SyncException denied) when (denied.WireCode == ErrorCodes.LeaseDenied)
        {
            run.Met("lease denied");
            throw;
        }
    }

    public Task<LeaseResponse> RenewLeaseAsync(string id, CancellationToken cancellationToken) => AskAsync(() => run.Backend.RenewLease(id), cancellationToken);

    public Task ReleaseLeaseAsync(string id, CancellationToken cancellationToken) => AskAsync(() => run.Backend.ReleaseLease(id), cancellationToken);

    public Task<bool> HasBlobAsync(string sha256, CancellationToken cancellationToken) => AskAsync(() => run.Backend.BlobOf(sha256) is not null, cancellationToken);

    public Task<string> CreateBlobAsync(string sha256, long length, CancellationToken cancellationToken) => AskAsync(() => run.Backend.CreateBlob(sha256, length), cancellationToken);

    public Task<long?> GetBlobOffsetAsync(string upload, CancellationToken cancellationToken) => AskAsync(() => run.Backend.BlobOffset(upload), cancellationToken);

    public async Task<long?> AppendBlobAsync(string upload, long offset, ReadOnlyMemory<byte> piece, CancellationToken cancellationToken)
    {
        await environment.DelayAsync(ShortWay, cancellationToken).ConfigureAwait(false);
        var isCut = !run.Calm && dice.Chance(run.Loss * 4);
        var next = run.IsAway ? throw Lost() : run.Backend.AppendBlob(upload, offset, piece[..(isCut ? dice.Below(piece.Length + 1) : piece.Length)].ToArray());
        if (isCut)
        {
            run.Met("blob cut");
            throw Lost();
        }

        return next;
    }

    private async Task<T> AskAsync<T>(Func<T> ask, CancellationToken cancellationToken)
    {
        await environment.DelayAsync(ShortWay, cancellationToken).ConfigureAwait(false);
        return run.IsAway || (!run.Calm && dice.Chance(run.Loss)) ? throw Lost() : ask();
    }

    private static SyncException Lost() => new(SyncErrorCode.NetworkError, "The connection broke.", retryable: true);
}
