using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Health.Storage;
using Tidemark.Health.Sync;

namespace Tidemark.Health.Blobs;

/// <summary>How sending large parts ended.</summary>
internal enum BlobOutcome
{
    /// <summary>None is due.</summary>
    Nothing,

    /// <summary>All that were due are on the server.</summary>
    Sent,

    /// <summary>One of them waits for its next try.</summary>
    Waiting,
}

/// <summary>
/// Carries large parts in pieces, from where the server says that it stands. The pieces grow while all goes well and shrink when one could not be carried whole, and the server keeps what
/// came of one: so there is progress in every window, however slow the network is.
/// </summary>
internal sealed class BlobSender(HealthStore store, IHealthBlobUploader remote, HealthSyncOptions options, SyncEnvironment environment)
{
    private const int PieceBytes = 64 * 1024;
    private const int PieceBytesMin = 2 * 1024;
    private const int PieceBytesMax = 1024 * 1024;
    private const int RestartsMax = 2;

    public async Task<(BlobOutcome Outcome, string? Reason)> SendAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        var sent = false;
        while (await store.ReadAsync(store.Blobs.Next, cancellationToken).ConfigureAwait(false) is { } blob)
        {
            if (!environment.Connectivity.IsOnline)
            {
                return (BlobOutcome.Waiting, "There is no network.");
            }

            if (await SendAsync(blob, time, cancellationToken).ConfigureAwait(false) is { } reason)
            {
                return (BlobOutcome.Waiting, reason);
            }

            sent = true;
        }

        return (sent ? BlobOutcome.Sent : BlobOutcome.Nothing, null);
    }

    // Null: it is on the server.
    private async Task<string?> SendAsync(WaitingBlob blob, TimeSpan time, CancellationToken cancellationToken)
    {
        var upload = new Upload(blob, remote, async (location, piece) => await PlaceAsync(blob, location, piece).ConfigureAwait(false));
        try
        {
            using var timeout = new CancellationTokenSource(time, environment.Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
            var reason = "The server did not answer in time.";
            try
            {
                if (await upload.RunAsync(() => timeout.CancelAfter(time), either.Token).ConfigureAwait(false))
                {
                    await store.WriteAsync(() => { store.Blobs.Done(blob); return true; }, CancellationToken.None).ConfigureAwait(false);
                    return null;
                }

                reason = "What arrived is not what was sent.";
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // The reason stands.
            }
            catch (SyncException e)
            {
                reason = e.Message;
            }

            await PostponeAsync(blob, upload).ConfigureAwait(false);
            return reason;
        }
        catch (OperationCanceledException)
        {
            // The time was up in the middle of a piece: the next window begins at once.
            await store.WriteAsync(() => { store.Blobs.Place(blob, upload.Location, upload.Smaller); return true; }, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    private Task<bool> PlaceAsync(WaitingBlob blob, string? location, int piece) => store.WriteAsync(
        () =>
        {
            store.Blobs.Place(blob, location, piece);
            return true;
        },
        CancellationToken.None);

    private Task<bool> PostponeAsync(WaitingBlob blob, Upload upload) => store.WriteAsync(
        () =>
        {
            var pause = Math.Min(options.BackoffMin.TotalMilliseconds * Math.Pow(2, Math.Min(blob.Tries, 20)), options.BackoffMax.TotalMilliseconds);
            store.Blobs.Postpone(blob, upload.Smaller, TimeSpan.FromMilliseconds(pause * (0.75 + (environment.NextDouble() / 2))));
            return true;
        },
        CancellationToken.None);

    /// <summary>One large part on its way.</summary>
    private sealed class Upload(WaitingBlob blob, IHealthBlobUploader remote, Func<string?, int, Task> place)
    {
        private int _piece = blob.Piece ?? PieceBytes;

        public string? Location { get; private set; } = blob.Location;

        /// <summary>The next piece after one that could not be carried whole.</summary>
        public int Smaller => Math.Max(_piece / 2, PieceBytesMin);

        /// <returns>False: it was refused as damaged, more than once.</returns>
        public async Task<bool> RunAsync(Action alive, CancellationToken cancellationToken)
        {
            for (var begun = 0; begun <= RestartsMax; begun++)
            {
                if (await OffsetAsync(cancellationToken).ConfigureAwait(false) is not { } offset)
                {
                    return true; // It is there, from an earlier try or from another device.
                }

                alive();
                while (offset < blob.Body.Length)
                {
                    var length = (int)Math.Min(_piece, blob.Body.Length - offset);
                    if (await remote.AppendBlobAsync(Location!, offset, blob.Body.AsMemory((int)offset, length), cancellationToken).ConfigureAwait(false) is not { } next || next > blob.Body.Length)
                    {
                        break;
                    }

                    (offset, _piece) = (next, Math.Min(_piece * 2, PieceBytesMax));
                    alive();
                }

                if (offset >= blob.Body.Length)
                {
                    return true;
                }

                Location = null;
                await place(null, _piece).ConfigureAwait(false);
            }

            return false;
        }

        // Null: the blob is complete.
        private async Task<long?> OffsetAsync(CancellationToken cancellationToken)
        {
            if (Location is not null && await remote.GetBlobOffsetAsync(Location, cancellationToken).ConfigureAwait(false) is { } offset)
            {
                return offset >= blob.Body.Length ? null : offset;
            }

            if (await remote.HasBlobAsync(blob.Name, cancellationToken).ConfigureAwait(false))
            {
                return null;
            }

            Location = await remote.CreateBlobAsync(blob.Name, blob.Body.Length, cancellationToken).ConfigureAwait(false);
            await place(Location, _piece).ConfigureAwait(false);
            return 0;
        }
    }
}
