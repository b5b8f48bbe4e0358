using System.Buffers;
using Microsoft.Extensions.Logging;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Health.Blobs;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Model.Health;

namespace Tidemark.Health.Sync;

/// <summary>How a call ended.</summary>
public enum HealthOutcome
{
    /// <summary>Nothing is left of what it was called for.</summary>
    Done,

    /// <summary>The queue is full: the source keeps what is new until there is room.</summary>
    QueueFull,

    /// <summary>It could not be sent now; it waits in the queue.</summary>
    Queued,

    /// <summary>The source cannot be read now.</summary>
    Paused,

    /// <summary>The time was up; the next call goes on.</summary>
    OutOfTime,
}

/// <summary>What a call did.</summary>
public sealed record HealthSyncReport
{
    public required HealthOutcome Outcome { get; init; }

    public long Captured { get; init; }

    public long Applied { get; init; }

    /// <summary>The server had them already.</summary>
    public long Duplicates { get; init; }

    public long Rejected { get; init; }

    public long Waiting { get; init; }

    /// <summary>Why the source or the server did not answer.</summary>
    public string? Reason { get; init; }
}

/// <summary>
/// From a source to the server with nothing lost and nothing twice: a page and its anchor are one durable commit before the first try; the acknowledged anchor
/// moves when everything before it is on the server; what cannot be sent waits in the queue.
/// </summary>
public sealed class HealthSync
{
    private static readonly TimeSpan ClaimTime = TimeSpan.FromMinutes(2);
    private readonly HealthStore _store;
    private readonly IHealthChangeSource _source;
    private readonly IHealthUploader _uploader;
    private readonly HealthSyncOptions _options;
    private readonly SyncEnvironment _environment;
    private readonly HealthEventSink? _sink;
    private readonly string _deviceId;
    private readonly BlobSender? _blobs;
    private readonly ILogger _log;

    public HealthSync(HealthStore store, IHealthChangeSource source, IHealthUploader uploader, string deviceId, HealthSyncOptions options, SyncEnvironment environment, HealthEventSink? sink = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(deviceId);
        options.Validate();
        _store = store ?? throw new ArgumentNullException(nameof(store));
        _source = source ?? throw new ArgumentNullException(nameof(source));
        _uploader = uploader ?? throw new ArgumentNullException(nameof(uploader));
        _environment = environment ?? throw new ArgumentNullException(nameof(environment));
        _options = options;
        _deviceId = deviceId;
        _sink = sink;
        _blobs = uploader is IHealthBlobUploader { TakesBlobs: true } remote ? new BlobSender(store, remote, options, environment) : null;
        store.Queue.Blobs = _blobs is null ? null : store.Blobs;

        _log = environment.Loggers.CreateLogger(HealthLog.Category);
    }

    internal HealthSyncOptions Options => _options;

    internal IHealthChangeSource Source => _source;

    /// <summary>Everything of all types, until nothing is left, the queue is full, or the source pauses. For a run in the foreground.</summary>
    public Task<HealthSyncReport> RunAsync(IProgress<long>? progress, CancellationToken cancellationToken) => RunAsync(HealthPhase.Foreground, between: null, progress, cancellationToken);

    /// <summary>As <see cref="RunAsync(IProgress{long}?, CancellationToken)"/>; may be cancelled at any point, and goes on there the next time.</summary>
    /// <param name="phase">Whose tries and time-outs hold.</param>
    /// <param name="between">Called between two pages, so that more urgent work gets its turn.</param>
    /// <param name="progress">Samples captured.</param>
    /// <param name="cancellationToken">The end of the time.</param>
    internal async Task<HealthSyncReport> RunAsync(HealthPhase phase, Func<Task>? between, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        var tally = new Tally();
        var outcome = await DrainAsync(tally, phase, between, cancellationToken).ConfigureAwait(false);

        // A server that does not answer does not keep the source from being read: what it forgets meanwhile, deletions for one, would be lost.
        tally.IsAway = outcome == HealthOutcome.Queued;
        foreach (var type in await _source.GetTypesAsync(cancellationToken).ConfigureAwait(false))
        {
            (var more, outcome) = (true, HealthOutcome.Done);
            while (more && outcome is HealthOutcome.Done or HealthOutcome.Queued)
            {
                (more, outcome) = await SendPageAsync(type, tally, phase, cancellationToken).ConfigureAwait(false);
                tally.IsAway |= outcome == HealthOutcome.Queued;
                progress?.Report(tally.Captured);
                await (between?.Invoke() ?? Task.CompletedTask).ConfigureAwait(false);
            }

            if (outcome == HealthOutcome.QueueFull)
            {
                break;
            }

            tally.Paused |= outcome == HealthOutcome.Paused;
        }

        outcome = tally.IsAway ? HealthOutcome.Queued : outcome == HealthOutcome.QueueFull ? outcome : tally.Paused ? HealthOutcome.Paused : HealthOutcome.Done;
        await CleanAsync(cancellationToken).ConfigureAwait(false);
        return await ReportAsync(outcome, tally, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A change of one type was announced: its new samples are captured and sent at once, all within one deadline (HLT-02).</summary>
    public async Task<HealthSyncReport> SendNowAsync(string type, CancellationToken cancellationToken)
    {
        var tally = new Tally();
        var outcome = HealthOutcome.Done;
        using var deadline = new CancellationTokenSource(_options.ImmediateDeadline, _environment.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            for (var more = true; more && outcome == HealthOutcome.Done;)
            {
                (more, outcome) = await SendPageAsync(type, tally, HealthPhase.Immediate, either.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            outcome = HealthOutcome.OutOfTime;
        }

        return await ReportAsync(outcome, tally, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Works off what is due in the queue, until it is empty or the time is over.</summary>
    public async Task<HealthSyncReport> DrainAsync(HealthPhase phase, CancellationToken cancellationToken)
    {
        var tally = new Tally();
        var outcome = await DrainAsync(tally, phase, between: null, cancellationToken).ConfigureAwait(false);
        return await ReportAsync(outcome, tally, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Rejected items, and those that wait for their next try, are due now.</summary>
    /// <param name="type">Of one type alone; null for all.</param>
    /// <param name="cancellationToken">Ends the wait for the file.</param>
    public Task<int> RetryAsync(string? type, CancellationToken cancellationToken) => _store.WriteAsync(() => _store.Queue.Retry(type), cancellationToken);

    // Deletions of what is known no more are told of by the source again only when it was allowed to see everything.
    private Task<int> CleanAsync(CancellationToken cancellationToken) => _store.WriteAsync(
        () => _store.Queue.Clean(_options.KeepUploaded) + _store.Known.Clean(_environment.NowMs - (long)_options.KeepKnown.TotalMilliseconds), cancellationToken);

    private async Task<HealthOutcome> DrainAsync(Tally tally, HealthPhase phase, Func<Task>? between, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var items = await _store.WriteAsync(() => _store.Queue.Claim(null, _options.PageSamples, ClaimTime), cancellationToken).ConfigureAwait(false);
            if (items.Count == 0)
            {
                // What waits for its large part can go when that is there.
                switch (await SendBlobsAsync(tally, phase, cancellationToken).ConfigureAwait(false))
                {
                    case BlobOutcome.Nothing:
                        return HealthOutcome.Done;
                    case BlobOutcome.Sent:
                        continue;
                    default:
                        return HealthOutcome.Queued;
                }
            }

            if (!await SendAsync(items, tally, phase, tries: [TimeSpan.Zero], keep: true, cancellationToken).ConfigureAwait(false))
            {
                return HealthOutcome.Queued;
            }

            await (between?.Invoke() ?? Task.CompletedTask).ConfigureAwait(false);
        }
    }

    // One page: captured in one commit, then sent. What is not sent waits, and the anchor of the server's side with it.
    private async Task<(bool More, HealthOutcome Outcome)> SendPageAsync(string type, Tally tally, HealthPhase phase, CancellationToken cancellationToken)
    {
        var (from, room) = await _store.ReadAsync(() => (_store.Queue.Captured(_source.Name, type), _options.QueueItemsMax - _store.Queue.Waiting), cancellationToken).ConfigureAwait(false);
        if (room <= 0)
        {
            await NoteAsync(type, HealthTrouble.QueueFull, $"{_options.QueueItemsMax} items wait: the source keeps what is new.", null).ConfigureAwait(false);
            return (false, HealthOutcome.QueueFull);
        }

        HealthChangePage page;
        try
        {
            page = await _source.ReadAsync(type, from, (int)Math.Min(room, _options.PageSamples), cancellationToken).ConfigureAwait(false);
        }
        catch (HealthSourceException e) when (e.Trouble == HealthSourceTrouble.AnchorExpired && from is not null)
        {
            await _store.WriteAsync(
                () =>
                {
                    _store.Queue.ForgetAnchor(_source.Name, type);
                    _store.States.Troubled(type, HealthTrouble.AnchorExpired, e.Message);
                    _store.States.OweRecheck(type);
                    return true;
                },
                cancellationToken).ConfigureAwait(false);
            return (true, HealthOutcome.Done);
        }
        catch (HealthSourceException e)
        {
            tally.Reason = e.Message;
            await NoteAsync(type, e.Trouble switch { HealthSourceTrouble.StoreLocked => HealthTrouble.Locked, HealthSourceTrouble.RateLimited => HealthTrouble.RateLimited, HealthSourceTrouble.AnchorExpired => HealthTrouble.AnchorExpired, _ => HealthTrouble.PermissionUnknown }, e.Message, e.RetryAfter).ConfigureAwait(false);
            return (false, HealthOutcome.Paused);
        }

        var number = await _store.WriteAsync(() => Capture(type, from, page), cancellationToken).ConfigureAwait(false);
        if (number is null)
        {
            return (page.HasMore || page.Count > 0, HealthOutcome.Done); // Empty, or another capture was faster: look again.
        }

        tally.Captured += page.Count;
        if (tally.IsAway)
        {
            return (page.HasMore, HealthOutcome.Queued);
        }

        var arrived = await SendBlobsAsync(tally, phase, cancellationToken).ConfigureAwait(false) != BlobOutcome.Waiting;
        var items = await _store.WriteAsync(() => _store.Queue.Claim(number, page.Count, ClaimTime), cancellationToken).ConfigureAwait(false);
        var sent = items.Count == 0 || await SendAsync(items, tally, phase, _options.ImmediateTries, keep: false, cancellationToken).ConfigureAwait(false);
        return (page.HasMore, sent && arrived ? HealthOutcome.Done : HealthOutcome.Queued);
    }

    private long? Capture(string type, HealthAnchor? from, HealthChangePage page)
    {
        var number = _store.Queue.Capture(_source.Name, type, from, page, _options.PriorityOf(type));
        if (number is not null && _source is IHealthWindowSource)
        {
            _store.Known.Put(page.Upserts, _environment.NowMs - (long)_options.KeepKnown.TotalMilliseconds, _environment.NowMs);
            _store.Known.Forget(page.Deletes);
        }

        _store.States.Looked(type, page.Upserts);
        return number;
    }

    private async Task<BlobOutcome> SendBlobsAsync(Tally tally, HealthPhase phase, CancellationToken cancellationToken)
    {
        if (_blobs is null)
        {
            return BlobOutcome.Nothing;
        }

        var (outcome, reason) = await _blobs.SendAsync(phase == HealthPhase.Background ? _options.BackgroundTryTimeout : _options.TryTimeout, cancellationToken).ConfigureAwait(false);
        tally.Reason = reason ?? tally.Reason;
        return outcome;
    }

    private Task<bool> NoteAsync(string type, HealthTrouble trouble, string reason, TimeSpan? after)
    {
        _log.SourceTroubled(type, trouble, reason);
        return _store.WriteAsync(
            () =>
            {
                _store.States.Troubled(type, trouble, reason, after);
                return true;
            },
            CancellationToken.None);
    }

    private async Task<bool> SendAsync(List<QueueItem> items, Tally tally, HealthPhase phase, IReadOnlyList<TimeSpan> tries, bool keep, CancellationToken cancellationToken)
    {
        var begun = _environment.Time.GetTimestamp();
        var (body, order) = Body(items);
        var reason = "";
        var attempt = 0;
        try
        {
            for (; attempt < tries.Count; attempt++)
            {
                if (tries[attempt] > TimeSpan.Zero)
                {
                    await _environment.DelayAsync(tries[attempt], cancellationToken).ConfigureAwait(false);
                }

                var (response, trouble) = await TryAsync(body, order.Count, phase == HealthPhase.Background ? _options.BackgroundTryTimeout : _options.TryTimeout, cancellationToken).ConfigureAwait(false);
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
        catch (OperationCanceledException)
        {
            await PostponeAsync(items, "The time was up.").ConfigureAwait(false);
            Tell(phase, items, begun, attempt, "The time was up.");
            throw;
        }

        tally.Reason = reason;
        await PostponeAsync(items, reason).ConfigureAwait(false);
        Tell(phase, items, begun, Math.Min(attempt, tries.Count - 1), reason);
        return false;
    }

    // A try that takes too long is cancelled: an answer that comes after all is the answer to a batch that may be sent twice.
    private async Task<(HealthBatchResponse? Response, (string Reason, bool Retryable) Trouble)> TryAsync(ReadOnlyMemory<byte> body, int count, TimeSpan time, CancellationToken cancellationToken)
    {
        if (!_environment.Connectivity.IsOnline)
        {
            return (null, ("There is no network.", false));
        }

        using var timeout = new CancellationTokenSource(time, _environment.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            var response = await _uploader.SendAsync(body, either.Token).ConfigureAwait(false);
            return response.Verdicts.Count == count ? (response, default) : (null, ($"The server answered {response.Verdicts.Count} verdicts to {count} items.", true));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, ("The server did not answer in time.", true));
        }
        catch (SyncException e)
        {
            return (null, (e.Message, e.Retryable));
        }
    }

    private Task SettleAsync(List<QueueItem> order, HealthBatchResponse response, bool keep, Tally tally)
    {
        var reasons = response.Rejected.ToDictionary(r => r.Index, r => $"{r.Code}: {r.Message}");
        for (var i = 0; i < order.Count; i++)
        {
            tally.Applied += response.Verdicts[i] == HealthVerdict.Applied ? 1 : 0;
            tally.Duplicates += response.Verdicts[i] is HealthVerdict.Duplicate or HealthVerdict.Stale ? 1 : 0;
            tally.Rejected += response.Verdicts[i] == HealthVerdict.Rejected ? 1 : 0;
        }

        return _store.WriteAsync(
            () =>
            {
                _store.Queue.Settle(order, i => response.Verdicts[i] == HealthVerdict.Rejected ? reasons.GetValueOrDefault(i, "rejected") : null, keep);
                foreach (var type in order.Select(i => i.Type).Distinct(StringComparer.Ordinal))
                {
                    _store.States.Sent(type);
                }

                if (_store.Queue.Waiting == 0)
                {
                    _store.States.Sent("");
                }

                return true;
            },
            CancellationToken.None);
    }

    private Task PostponeAsync(List<QueueItem> items, string reason) => _store.WriteAsync(
        () =>
        {
            _store.Queue.Postpone(items, Backoff, reason);
            foreach (var type in items.Select(i => i.Type).Distinct(StringComparer.Ordinal))
            {
                _store.States.Troubled(type, HealthTrouble.NotSent, reason);
            }

            return true;
        },
        CancellationToken.None);

    private TimeSpan Backoff(int tries)
    {
        var pause = Math.Min(_options.BackoffMin.TotalMilliseconds * Math.Pow(2, Math.Min(tries - 1, 20)), _options.BackoffMax.TotalMilliseconds);
        return TimeSpan.FromMilliseconds(pause * (0.75 + (_environment.NextDouble() / 2)));
    }

    /// <summary>The bytes of the samples go as they were captured; the order of the verdicts is samples, then deletes.</summary>
    private (ReadOnlyMemory<byte> Body, List<QueueItem> Order) Body(List<QueueItem> items)
    {
        List<QueueItem> order = [.. items.Where(i => !i.IsDelete), .. items.Where(i => i.IsDelete)];
        var buffer = new ArrayBufferWriter<byte>(items.Sum(i => i.Body.Length + 100) + 500);
        using (var json = HealthSampleJson.CreateWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("deviceId", _deviceId);
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
            Duration = _environment.Time.GetElapsedTime(begun),
            Retries = retries,
            Success = trouble is null,
            Queued = trouble is not null,
            At = _environment.Now,
        };
        if (trouble is null)
        {
            _log.SamplesSent(told.Name, told.Count, told.Type ?? "several types", told.Duration.TotalMilliseconds, retries);
        }
        else
        {
            _log.SamplesQueued(told.Name, told.Count, told.Type ?? "several types", told.Duration.TotalMilliseconds, retries, trouble);
        }

        _sink?.Invoke(told);
    }

    private async Task<HealthSyncReport> ReportAsync(HealthOutcome outcome, Tally tally, CancellationToken cancellationToken) => new()
    {
        Outcome = outcome,
        Captured = tally.Captured,
        Applied = tally.Applied,
        Duplicates = tally.Duplicates,
        Rejected = tally.Rejected,
        Waiting = await _store.ReadAsync(() => _store.Queue.Waiting, cancellationToken).ConfigureAwait(false),
        Reason = tally.Reason,
    };

    private sealed class Tally
    {
        public long Captured { get; set; }

        public long Applied { get; set; }

        public long Duplicates { get; set; }

        public long Rejected { get; set; }

        public bool Paused { get; set; }

        /// <summary>The server did not answer in this run.</summary>
        public bool IsAway { get; set; }

        public string? Reason { get; set; }
    }
}
