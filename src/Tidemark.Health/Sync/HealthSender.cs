using System.Buffers;
using Microsoft.Extensions.Logging;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Health.Storage;
using Tidemark.Model.Health;

namespace Tidemark.Health.Sync;

/// <summary>One batch to the server: its bytes, its tries, and what becomes of its items.</summary>
internal sealed class HealthSender(HealthStore store, IHealthUploader uploader, string deviceId, HealthSyncOptions options, SyncEnvironment environment, HealthEventSink? sink, ILogger log)
{
    /// <summary>Sends items that were claimed, until there is a verdict, the tries are over or the time is. What has none waits in the queue.</summary>
    /// <returns>True: there is a verdict for each.</returns>
    public async Task<bool> SendAsync(List<QueueItem> items, HealthTally tally, HealthPhase phase, IReadOnlyList<TimeSpan> tries, bool keep, CancellationToken cancellationToken)
    {
        var begun = environment.Time.GetTimestamp();
        var (body, order) = Body(items);
        var reason = "";
        var attempt = 0;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, tally.Admission.Lost);
        try
        {
            for (; attempt < tries.Count; attempt++)
            {
                if (tries[attempt] > TimeSpan.Zero)
                {
                    await environment.DelayAsync(tries[attempt], either.Token).ConfigureAwait(false);
                }

                var (response, trouble) = await TryAsync(body, order.Count, phase == HealthPhase.Background ? options.BackgroundTryTimeout : options.TryTimeout, either.Token).ConfigureAwait(false);
                if (response is not null)
                {
                    await SettleAsync(order, response, keep, tally).ConfigureAwait(false);
                    Tell(phase, items, begun, attempt, trouble: null);
                    return true;
                }

                (reason, var retryable) = trouble;
                if (!retryable)
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            tally.Refused(SyncLease.LostError(e));
        }
        catch (SyncException e) when (e.Code == SyncErrorCode.LeaseLost)
        {
            tally.Refused(e);
        }
        catch (OperationCanceledException)
        {
            await PostponeAsync(items, "The time was up.", Backoff).ConfigureAwait(false);
            Tell(phase, items, begun, attempt, "The time was up.");
            throw;
        }

        if (tally.RetryAfter is not null)
        {
            // The server has not seen them: they are due as soon as work is admitted again.
            await PostponeAsync(items, tally.Reason!, static _ => TimeSpan.Zero).ConfigureAwait(false);
            Tell(phase, items, begun, attempt, tally.Reason);
            return false;
        }

        tally.Reason = reason;
        await PostponeAsync(items, reason, Backoff).ConfigureAwait(false);
        Tell(phase, items, begun, Math.Min(attempt, tries.Count - 1), reason);
        return false;
    }

    // A try that takes too long is cancelled: an answer that comes after all is the answer to a batch that may be sent twice.
    private async Task<(HealthBatchResponse? Response, (string Reason, bool Retryable) Trouble)> TryAsync(ReadOnlyMemory<byte> body, int count, TimeSpan time, CancellationToken cancellationToken)
    {
        if (!environment.Connectivity.IsOnline)
        {
            return (null, ("There is no network.", false));
        }

        using var timeout = new CancellationTokenSource(time, environment.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            var response = await uploader.SendAsync(body, either.Token).ConfigureAwait(false);
            return response.Verdicts.Count == count ? (response, default) : (null, ($"The server answered {response.Verdicts.Count} verdicts to {count} items.", true));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, ("The server did not answer in time.", true));
        }
        catch (SyncException e) when (e.Code != SyncErrorCode.LeaseLost)
        {
            return (null, (e.Message, e.Retryable));
        }
    }

    private Task SettleAsync(List<QueueItem> order, HealthBatchResponse response, bool keep, HealthTally tally)
    {
        var reasons = response.Rejected.ToDictionary(r => r.Index, r => $"{r.Code}: {r.Message}");
        for (var i = 0; i < order.Count; i++)
        {
            tally.Applied += response.Verdicts[i] == HealthVerdict.Applied ? 1 : 0;
            tally.Duplicates += response.Verdicts[i] is HealthVerdict.Duplicate or HealthVerdict.Stale ? 1 : 0;
            tally.Rejected += response.Verdicts[i] == HealthVerdict.Rejected ? 1 : 0;
        }

        return store.WriteAsync(
            () =>
            {
                store.Queue.Settle(order, i => response.Verdicts[i] == HealthVerdict.Rejected ? reasons.GetValueOrDefault(i, "rejected") : null, keep);
                foreach (var type in order.Select(i => i.Type).Distinct(StringComparer.Ordinal))
                {
                    store.States.Sent(type);
                }

                if (store.Queue.Waiting == 0)
                {
                    store.States.Sent("");
                }

                return true;
            },
            CancellationToken.None);
    }

    private Task PostponeAsync(List<QueueItem> items, string reason, Func<int, TimeSpan> pauseOf) => store.WriteAsync(
        () =>
        {
            store.Queue.Postpone(items, pauseOf, reason);
            foreach (var type in items.Select(i => i.Type).Distinct(StringComparer.Ordinal))
            {
                store.States.Troubled(type, HealthTrouble.NotSent, reason);
            }

            return true;
        },
        CancellationToken.None);

    private TimeSpan Backoff(int tries)
    {
        var pause = Math.Min(options.BackoffMin.TotalMilliseconds * Math.Pow(2, Math.Min(tries - 1, 20)), options.BackoffMax.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(pause * (0.75 + (environment.NextDouble() / 2)));
    }

    /// <summary>The bytes of the samples go as they were captured; the order of the verdicts is samples, then deletes.</summary>
    private (ReadOnlyMemory<byte> Body, List<QueueItem> Order) Body(List<QueueItem> items)
    {
        List<QueueItem> order = [.. items.Where(i => !i.IsDelete), .. items.Where(i => i.IsDelete)];
        var buffer = new ArrayBufferWriter<byte>(items.Sum(i => i.Body.Length + 100) + 500);
        using (var json = HealthSampleJson.CreateWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("deviceId", deviceId);
            json.WriteString("syncOperationId", HealthDigest.OperationId(items.Select(i => (i.Id, i.Version))));
            json.WriteStartArray("samples");
            foreach (var item in order.TakeWhile(i => !i.IsDelete))
            {
                json.WriteRawValue(item.Body, skipInputValidation: true);
            }

            json.WriteEndArray();
            json.WriteStartArray("deletes");
            foreach (var item in order.SkipWhile(i => !i.IsDelete))
            {
                json.WriteStartObject();
                json.WriteString("id", item.Id);
                json.WriteString("type", item.Type);
                json.WriteNumber("version", item.Version);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return (buffer.WrittenMemory, order);
    }

    private void Tell(HealthPhase phase, List<QueueItem> items, long begun, int retries, string? trouble)
    {
        var told = new HealthEvent
        {
            Phase = phase,
            Type = items.TrueForAll(i => i.Type == items[0].Type) ? items[0].Type : null,
            Count = items.Count,
            Duration = environment.Time.GetElapsedTime(begun),
            Retries = retries,
            Success = trouble is null,
            Queued = trouble is not null,
            At = environment.Now,
        };
        if (trouble is null)
        {
            log.SamplesSent(told.Name, told.Count, told.Type ?? "several types", told.Duration.TotalMilliseconds, retries);
        }
        else
        {
            log.SamplesQueued(told.Name, told.Count, told.Type ?? "several types", told.Duration.TotalMilliseconds, retries, trouble);
        }

        sink?.Invoke(told);
    }
}
