#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Engines.Integrity;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;

namespace Tidemark.Client.Engines.Push;

/// <summary>What the push of one run came to.</summary>
public sealed record PushReport
{
    public int Accepted { get; set; }

    public int Conflicts { get; set; }

    public int Failed { get; set; }

    public int DeadLetters { get; set; }

    public int Requests { get; set; }

    public int Waiting { get; set; }
}

/// <summary>Sends what waits: commands left without a verdict first, then differences, batch by batch.</summary>
internal sealed class PushEngine(EngineTransaction transaction, IRemote remote, SyncEnvironment environment, SyncBatchContext context, PushContext push)
{
    private readonly PushReport _report = new();
    private bool _waitsForUnique = true; // offers that are refused for a unique value

    public PushReport Report => _report;

    public async Task RunAsync(IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        // What a restored server may have lost comes first: commands that were on their way are edits of exactly those rows.
        await OfferAsync(progress, cancellationToken).ConfigureAwait(false);
        await SendDueAsync(progress, null, cancellationToken).ConfigureAwait(false);
        var movedOn = true;
        while (movedOn)
        {
            movedOn = false;
            var seq = 0L;
            FreezeResult frozen;
            do
            {
                cancellationToken.ThrowIfCancellationRequested();
                (frozen, var request) = Freeze(seq);
                seq = frozen.NextSeq;
                movedOn |= frozen.Frozen > 0;
                _report.DeadLetters += frozen.DeadLetters;
                _report.Waiting = frozen.Waiting;
                if (request is not null)
                {
                    await SendAsync(request, cancellationToken).ConfigureAwait(false);
                    Tell(progress);
                }

                if (frozen.Frozen > frozen.Batch.Count)
                {
                    await SendDueAsync(progress, null, cancellationToken).ConfigureAwait(false);
                }

                if (frozen.HasMore)
                {
                    await transaction.GiveWay().ConfigureAwait(false);
                }
            }
            while (frozen.HasMore);
        }
    }

    // The one commit of a batch that must outlast the power: what was sent is known, byte for byte, before it leaves.
    private (FreezeResult Frozen, Request? Request) Freeze(long seq) =>
        transaction.Run(EngineTransactionKind.Guarded, s =>
        {
            var result = new CommandFreezer(s, environment, context, push.Options, push.Limits, transaction.LockToken).Freeze(seq);
            CheckGate(s);
            return (result, result.Batch.Count == 0 ? null : Envelope(s, result.Batch));
        });

    private async Task OfferAsync(IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        while (true)
        {
            var frozen = transaction.Run(EngineTransactionKind.None, s => new OfferFreezer(s, environment, push.Options, transaction.LockToken).Freeze());
            await SendDueAsync(progress, Operation.Offer, cancellationToken).ConfigureAwait(false);
            if (frozen == 0)
            {
                break;
            }
        }

        await OfferAgainAsync(progress, cancellationToken).ConfigureAwait(false);
    }

    // Whoever held a unique value that an offer wants was perhaps offered behind it, with another one or as deleted. As long as one finds its place, others may.
    private async Task OfferAgainAsync(IProgress<SyncProgress>? progress, CancellationToken cancellationToken)
    {
        var applied = true;
        while (transaction.Read(s => s.Outbox.HasFailed(Operation.Offer, ErrorCodes.Unique)))
        {
            transaction.Run(EngineTransactionKind.None, s => s.Outbox.MakeDue(Operation.Offer, ErrorCodes.Unique));
            var accepted = _report.Accepted;
            _waitsForUnique = applied;
            await SendDueAsync(progress, Operation.Offer, cancellationToken).ConfigureAwait(false);
            _waitsForUnique = true;
            applied = _report.Accepted > accepted;
        }
    }

    private async Task SendDueAsync(IProgress<SyncProgress>? progress, Operation? only, CancellationToken cancellationToken)
    {
        var sent = new HashSet<Guid>();
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
#if TIDEMARK_MUTANTS
            if (Mutants.Is(Mutant.NewIdOnRetry) || Mutants.Is(Mutant.BatchRefrozen))
            {
                transaction.Run(EngineTransactionKind.None, Forget);
            }
#endif
            var due = transaction.Read(s => s.Outbox.ReadDue(environment.NowMs, push.Options.Backoff.DelayMaxMs, Math.Min(push.Options.BatchCommandsMax, push.Limits.CommandsMax) + 1, only));
            due.RemoveAll(c => sent.Contains(c.Id));
            if (due.Count == 0)
            {
                return;
            }

            var batch = BatchCutter.Cut(due, Math.Min(push.Options.BatchCommandsMax, push.Limits.CommandsMax), push.Options.BatchBytesMax);
            foreach (var command in batch)
            {
                sent.Add(command.Id);
            }

            await SendAsync(batch, cancellationToken).ConfigureAwait(false);
            Tell(progress);
            await transaction.GiveWay().ConfigureAwait(false);
        }
    }

#if TIDEMARK_MUTANTS
    // Commands without an answer are made anew: under another id, or with the content of today under the same one.
    private void Forget(StoreSession s)
    {
        foreach (var old in s.Outbox.ReadDue(environment.NowMs, 0, 1000).Where(c => c.Operation is Operation.Create or Operation.Update))
        {
            var table = s.FindTable(old.Type)!;
            var live = LiveRows.Read(s, table, StoreSession.KeyFrom(table.Type, old.Key)).Visible;
            if (Mutants.Is(Mutant.NewIdOnRetry))
            {
                s.Db.Execute("UPDATE _tm_command SET id = ?2, payload = CAST(replace(CAST(payload AS TEXT), ?1, ?2) AS BLOB) WHERE id = ?1", Tidemark.Model.Values.Value.Text(old.Id.ToString("D")), Tidemark.Model.Values.Value.Text(environment.NewId().ToString("D")));
            }
            else if (live is not null && old.Operation == Operation.Create)
            {
                var row = System.Text.Encoding.UTF8.GetString(old.Sent!);
                s.Db.Execute("UPDATE _tm_command SET payload = CAST(replace(CAST(payload AS TEXT), ?2, ?3) AS BLOB), sent = CAST(?3 AS BLOB) WHERE id = ?1", Tidemark.Model.Values.Value.Text(old.Id.ToString("D")), Tidemark.Model.Values.Value.Text(row), Tidemark.Model.Values.Value.Text(System.Text.Encoding.UTF8.GetString(RowBytes.Of(live))));
            }
        }
    }
#endif
    private void Tell(IProgress<SyncProgress>? progress) =>
        progress?.Report(new SyncProgress(SyncPhase.Push, _report.Accepted + _report.Conflicts + _report.Failed, null, 0));

    private Task SendAsync(IReadOnlyList<StoredCommand> batch, CancellationToken cancellationToken) =>
        SendAsync(
            transaction.Run(EngineTransactionKind.None, s =>
            {
                s.Outbox.MarkInFlight(batch.Select(c => c.Id), environment.NowMs, transaction.LockToken);
                return Envelope(s, [.. batch.Select(c => c.HandedOver())]);
            }),
            cancellationToken);

    private async Task SendAsync(Request request, CancellationToken cancellationToken)
    {
        PushResponse response;
        try
        {
            _report.Requests++;
            response = await remote.PushAsync(request.Body, cancellationToken).ConfigureAwait(false);
        }
        catch (SyncException e) when (e.WireCode is ErrorCodes.TooLarge or ErrorCodes.RowTooWide or ErrorCodes.BadRequest)
        {
            await SplitAsync(request.Batch, e, cancellationToken).ConfigureAwait(false);
            return;
        }

        // May go with the power: the commands are then in flight again, and the same bytes get the same verdicts.
        var counts = Understood(() => transaction.Run(EngineTransactionKind.Guarded | EngineTransactionKind.Cheap, s =>
        {
            s.Remotes.Note(response.Epoch, response.Mark);
            var result = new VerdictApplier(s, environment, context, push.Options) { WaitsForUnique = _waitsForUnique }.Apply(request.Batch, response);
            CheckGate(s);
            return result;
        }));
        _report.Accepted += counts.Accepted;
        _report.Conflicts += counts.Conflicts;
        _report.Failed += counts.Failed;
        _report.DeadLetters += counts.DeadLetters;
    }

    // A verdict whose key or row cannot be read: the whole answer is rolled back, and its commands are in flight again.
    private static T Understood<T>(Func<T> apply)
    {
        try
        {
            return apply();
        }
        catch (WireFormatException e)
        {
            throw new SyncException(SyncErrorCode.InvalidResponse, "The answer to a push cannot be carried out: " + e.Message, retryable: true, e);
        }
    }

    private Request Envelope(StoreSession s, IReadOnlyList<StoredCommand> batch)
    {
        var state = s.Remotes.Read();
        return new Request(batch, PushRequest.Write(
            new PushEnvelope
            {
                DeviceId = push.DeviceId,
                StoreId = push.StoreId,
                PushSeq = s.Remotes.NextPushSeq(),
                Epoch = state.Epoch,
                Floor = state.Floor,
                Lost = LostIds.OfBatch(batch),
                ModelHash = s.Model.Hash,
                SyncOperationId = CanonicalPayload.SyncOperationId(batch.Select(c => c.Id)),
                Space = push.Space,
            },
            [.. batch.Select(c => c.Payload)]));
    }

    // Too large, or not understood as a whole: halves find the one that is at fault.
    private async Task SplitAsync(IReadOnlyList<StoredCommand> batch, SyncException refusal, CancellationToken cancellationToken)
    {
        var (first, second) = BatchCutter.Halve(batch);
        if (second.Count == 0)
        {
            transaction.Run(EngineTransactionKind.None, s =>
            {
                foreach (var command in first)
                {
                    s.Outbox.MarkDeadLetter(command.Id, refusal.WireCode!, $"{refusal.Message} (the command has {command.Payload.Length} bytes)", null, null, null, serverDeleted: false, environment.NowMs);
                }
            });
            _report.DeadLetters += first.Count;
            return;
        }

        await SendAsync(first, cancellationToken).ConfigureAwait(false);
        await SendAsync(second, cancellationToken).ConfigureAwait(false);
    }

    private sealed record Request(IReadOnlyList<StoredCommand> Batch, byte[] Body);

    private void CheckGate(StoreSession s)
    {
        push.AddIntegrity(new IntegrityGate(s, push.GateMode).Check(context));
        context.ClearTouched();
    }
}
