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

    /// <summary>The server did not admit so much at once, or not until the end: come again after this. Null: not the cause.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>This one, that went on with what an earlier one had begun.</summary>
    internal HealthSyncReport Since(HealthSyncReport? before) => before is null ? this : this with
    {
        Captured = Captured + before.Captured,
        Applied = Applied + before.Applied,
        Duplicates = Duplicates + before.Duplicates,
        Rejected = Rejected + before.Rejected,
        Reason = Reason ?? before.Reason,
    };
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
    private readonly HealthSyncOptions _options;
    private readonly SyncEnvironment _environment;
    private readonly HealthSender _sender;
    private readonly BlobSender? _blobs;
    private readonly Func<HealthTally> _begin;
    private readonly ILogger _log;

    public HealthSync(HealthStore store, IHealthChangeSource source, IHealthUploader uploader, string deviceId, HealthSyncOptions options, SyncEnvironment environment, HealthEventSink? sink = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentException.ThrowIfNullOrEmpty(deviceId);
        options.Validate();
        _store = store ?? throw new ArgumentNullException(nameof(store));
        _source = source ?? throw new ArgumentNullException(nameof(source));
        ArgumentNullException.ThrowIfNull(uploader);
        _environment = environment ?? throw new ArgumentNullException(nameof(environment));
        _options = options;
        _blobs = uploader is IHealthBlobUploader { TakesBlobs: true } remote ? new BlobSender(store, remote, options, environment) : null;
        store.Queue.Blobs = _blobs is null ? null : store.Blobs;
        _log = environment.Loggers.CreateLogger(HealthLog.Category);
        _begin = () => new HealthTally(new HealthAdmission(store, uploader as IHealthLeases, deviceId, options, environment));
        _sender = new HealthSender(store, uploader, deviceId, options, environment, sink, _log);
    }

    internal HealthSyncOptions Options => _options;

    internal IHealthChangeSource Source => _source;

    /// <summary>Called when a page is durable and not yet sent: whoever is killed from here on leaves something waiting.</summary>
    internal Func<Task>? Captured { get; set; }

    /// <summary>Everything of all types, until nothing is left, the queue is full, or the source pauses. For a run in the foreground.</summary>
    public Task<HealthSyncReport> RunAsync(IProgress<long>? progress, CancellationToken cancellationToken) => RunAsync(HealthPhase.Foreground, between: null, progress, cancellationToken);

    /// <summary>As <see cref="RunAsync(IProgress{long}?, CancellationToken)"/>; may be cancelled at any point, and goes on there the next time.</summary>
    /// <param name="phase">Whose tries and time-outs hold.</param>
    /// <param name="between">Called between two pages, so that more urgent work gets its turn.</param>
    /// <param name="progress">Samples captured.</param>
    /// <param name="cancellationToken">The end of the time.</param>
    internal async Task<HealthSyncReport> RunAsync(HealthPhase phase, Func<Task>? between, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        var tally = _begin();
        await using var begun = tally.ConfigureAwait(false);
        await _store.WriteAsync(
            () =>
            {
                _store.Queue.SendLargeParts();
                return true;
            },
            cancellationToken).ConfigureAwait(false);
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
        await CleanAsync(tally, cancellationToken).ConfigureAwait(false);
        return await ReportAsync(outcome, tally, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A change of one type was announced: its new samples are captured and sent at once, all within one deadline (HLT-02).</summary>
    public async Task<HealthSyncReport> SendNowAsync(string type, CancellationToken cancellationToken)
    {
        var tally = _begin();
        await using var begun = tally.ConfigureAwait(false);
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
        var tally = _begin();
        await using var begun = tally.ConfigureAwait(false);
        var outcome = await DrainAsync(tally, phase, between: null, cancellationToken).ConfigureAwait(false);
        return await ReportAsync(outcome, tally, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>Rejected items, and those that wait for their next try, are due now.</summary>
    /// <param name="type">Of one type alone; null for all.</param>
    /// <param name="cancellationToken">Ends the wait for the file.</param>
    public Task<int> RetryAsync(string? type, CancellationToken cancellationToken) => _store.WriteAsync(() => _store.Queue.Retry(type), cancellationToken);

    // Deletions of what is known no more are told of by the source again only when it was allowed to see everything.
    private Task<int> CleanAsync(HealthTally tally, CancellationToken cancellationToken) => _store.WriteAsync(
        () =>
        {
            if (tally.IsAway && tally.Reason is { } reason)
            {
                _store.States.Unsent(reason, tally.RetryAfter);
            }

            return _store.Queue.Clean(_options.KeepUploaded) + _store.Known.Clean(_environment.NowMs - (long)_options.KeepKnown.TotalMilliseconds);
        },
        cancellationToken);

    private async Task<HealthOutcome> DrainAsync(HealthTally tally, HealthPhase phase, Func<Task>? between, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!await AdmitAsync(tally, phase, hasMore: false, cancellationToken).ConfigureAwait(false))
            {
                return HealthOutcome.Queued;
            }

            var items = await ClaimAsync(null, tally, _options.PageSamples, cancellationToken).ConfigureAwait(false);
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

            if (!await _sender.SendAsync(items, tally, phase, _options.ImmediateTries, keep: true, cancellationToken).ConfigureAwait(false))
            {
                return HealthOutcome.Queued;
            }

            await (between?.Invoke() ?? Task.CompletedTask).ConfigureAwait(false);
        }
    }

    // One page: captured in one commit, then sent. What is not sent waits, and the anchor of the server's side with it.
    private async Task<(bool More, HealthOutcome Outcome)> SendPageAsync(string type, HealthTally tally, HealthPhase phase, CancellationToken cancellationToken)
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
        await (Captured?.Invoke() ?? Task.CompletedTask).ConfigureAwait(false);
        if (tally.IsAway || !await AdmitAsync(tally, phase, page.HasMore, cancellationToken).ConfigureAwait(false))
        {
            return (page.HasMore, HealthOutcome.Queued);
        }

        var arrived = await SendBlobsAsync(tally, phase, cancellationToken).ConfigureAwait(false) != BlobOutcome.Waiting;
        var sent = true;
        while (sent && await ClaimAsync(number, tally, page.Count, cancellationToken).ConfigureAwait(false) is { Count: > 0 } items)
        {
            sent = await _sender.SendAsync(items, tally, phase, _options.ImmediateTries, keep: false, cancellationToken).ConfigureAwait(false);
        }

        return (page.HasMore, sent && arrived ? HealthOutcome.Done : HealthOutcome.Queued);
    }

    // What a wake sends at once is cut so small that it needs no admission.
    private static Task<bool> AdmitAsync(HealthTally tally, HealthPhase phase, bool hasMore, CancellationToken cancellationToken) =>
        phase == HealthPhase.Immediate ? Task.FromResult(true) : tally.Admission.AdmitAsync(hasMore, tally, cancellationToken);

    private async Task<List<QueueItem>> ClaimAsync(long? page, HealthTally tally, int itemsMax, CancellationToken cancellationToken)
    {
        var count = page is null ? await _store.ReadAsync(() => Math.Min(_store.Queue.Waiting, itemsMax), cancellationToken).ConfigureAwait(false) : itemsMax;
        var batchMax = count <= HealthLimits.BatchItemsFree ? itemsMax : Math.Min(itemsMax, await tally.Admission.BatchMaxAsync(cancellationToken).ConfigureAwait(false));
        return await _store.WriteAsync(
            () =>
            {
                var before = _store.Queue.SetAsides;
                var items = _store.Queue.Claim(page, batchMax, ClaimTime);
                tally.Rejected += _store.Queue.SetAsides - before;
                return items;
            },
            cancellationToken).ConfigureAwait(false);
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

    private async Task<BlobOutcome> SendBlobsAsync(HealthTally tally, HealthPhase phase, CancellationToken cancellationToken)
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

    private async Task<HealthSyncReport> ReportAsync(HealthOutcome outcome, HealthTally tally, CancellationToken cancellationToken) => new()
    {
        Outcome = outcome,
        Captured = tally.Captured,
        Applied = tally.Applied,
        Duplicates = tally.Duplicates,
        Rejected = tally.Rejected,
        Waiting = await _store.ReadAsync(() => _store.Queue.Waiting, cancellationToken).ConfigureAwait(false),
        Reason = tally.Reason,
        RetryAfter = tally.RetryAfter,
    };
}
