using Microsoft.Extensions.Logging;
using Tidemark.Client.Coordination.Scheduling;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;

namespace Tidemark.Health.Sync;

/// <summary>What coming to the foreground did.</summary>
/// <param name="Sync">What was sent.</param>
/// <param name="Recheck">What the source was asked for again; null: it cannot be asked for a time.</param>
/// <param name="Integrity">The comparison of the imported samples' days with the server; null: not due, or nothing is imported.</param>
public sealed record ForegroundReport(HealthSyncReport Sync, RecheckReport? Recheck, IntegrityReport? Integrity);

/// <summary>
/// Health data by themselves: announcements, the app's coming and going, and background windows, each within its time and resumable at any page. Takes its turns on the scheduler
/// that the entities' syncing uses. Nothing has to be done by hand for anything to get well again.
/// </summary>
public sealed class HealthIngest
{
    private static readonly TimeSpan AskAgainMin = TimeSpan.FromSeconds(1);
    private readonly HealthStore _store;
    private readonly HealthSync _sync;
    private readonly HealthObserver _observer;
    private readonly SyncEnvironment _environment;
    private readonly IHealthWindows? _windows;
    private readonly IHealthDigestSource? _server;
    private readonly SyncScheduler _scheduler;
    private readonly ILogger _log;
    private readonly SemaphoreSlim _asking = new(1, 1);
    private DateTimeOffset? _nextWindow;

    /// <param name="store">The device's file.</param>
    /// <param name="sync">Captures and sends.</param>
    /// <param name="environment">Time and network.</param>
    /// <param name="windows">The platform's background windows; null: there are none.</param>
    /// <param name="server">What the days are compared with; null: with nothing.</param>
    /// <param name="types">The monitored types; null: the default ones.</param>
    public HealthIngest(HealthStore store, HealthSync sync, SyncEnvironment environment, IHealthWindows? windows = null, IHealthDigestSource? server = null, IEnumerable<string>? types = null)
    {
        _store = store ?? throw new ArgumentNullException(nameof(store));
        _sync = sync ?? throw new ArgumentNullException(nameof(sync));
        _environment = environment ?? throw new ArgumentNullException(nameof(environment));
        _observer = new HealthObserver(sync, environment, types);
        _windows = windows;
        _server = server;
        _scheduler = SyncScheduler.Of(environment);
        _log = environment.Loggers.CreateLogger(HealthLog.Category);
        sync.Captured = () => PlanWindowAsync(isCutOff: false);
    }

    public HealthStatus Status { get; } = new();

    /// <summary>Nothing else syncs in this process: work begins on the caller's thread. For what must happen in one order, such as a simulation.</summary>
    internal bool IsAlone { get; init; }

    /// <summary>The platform has announced a change of a type. Answers within the budget of a wake; what could not be sent has asked for a window.</summary>
    /// <returns>Null: the type is not monitored.</returns>
    public async Task<HealthOutcome?> AnnounceAsync(string type, CancellationToken cancellationToken)
    {
        var outcome = await _observer.AnnounceAsync(type, cancellationToken).ConfigureAwait(false);
        if (outcome is not null)
        {
            await SettleAsync(isCutOff: false).ConfigureAwait(false);
        }

        return outcome;
    }

    /// <summary>The app has come to the foreground: what waits goes first and does not wait for its pauses, then what is new, then what may have been missed.</summary>
    public Task<ForegroundReport> EnterForegroundAsync(CancellationToken cancellationToken) =>
        ScheduledAsync(SyncTaskPriority.Normal, "foreground", ForegroundAsync, cancellationToken);

    /// <summary>The app leaves the foreground: a window is asked for when something waits, otherwise none.</summary>
    public Task LeaveForegroundAsync() => SettleAsync(isCutOff: false);

    /// <summary>The platform gives a window. Ends in its time whatever happens; the next one goes on where this one ended.</summary>
    /// <param name="time">How long it is; null: <see cref="HealthSyncOptions.BackgroundTime"/>. Keep a few seconds for yourself.</param>
    /// <param name="cancellationToken">The platform takes the window back.</param>
    public async Task<HealthSyncReport> RunWindowAsync(TimeSpan? time, CancellationToken cancellationToken)
    {
        _nextWindow = null;
        await PlanWindowAsync(isCutOff: false).ConfigureAwait(false); // A process that is killed in its window has the next one.
        using var deadline = new CancellationTokenSource(time ?? _sync.Options.BackgroundTime, _environment.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        HealthSyncReport? report = null;
        try
        {
            while (report is null || report.RetryAfter is not null)
            {
                if (report?.RetryAfter is { } pause)
                {
                    // The server keeps the place of whoever comes back when he was told to. Meanwhile others have their turn.
                    await _environment.DelayAsync(pause > AskAgainMin ? pause : AskAgainMin, either.Token).ConfigureAwait(false);
                }

                report = (await ScheduledAsync(SyncTaskPriority.Background, "window", (between, token) => _sync.RunAsync(HealthPhase.Background, between, progress: null, token), either.Token).ConfigureAwait(false)).Since(report);
            }
        }
        catch (OperationCanceledException)
        {
            report = new HealthSyncReport { Outcome = HealthOutcome.OutOfTime, Waiting = await _store.ReadAsync(() => _store.Queue.Waiting, CancellationToken.None).ConfigureAwait(false) }.Since(report);
        }

        await SettleAsync(isCutOff: report.Outcome == HealthOutcome.OutOfTime).ConfigureAwait(false);
        return report;
    }

    private async Task<ForegroundReport> ForegroundAsync(Func<Task>? between, CancellationToken cancellationToken)
    {
        var options = _sync.Options;
        var last = await _store.WriteAsync(
            () =>
            {
                _store.Queue.Hurry();
                return _store.States.Find("")?.Sent;
            },
            cancellationToken).ConfigureAwait(false);
        try
        {
            var sent = await _sync.RunAsync(HealthPhase.Foreground, between, progress: null, cancellationToken).ConfigureAwait(false);
            var since = last is { } ms ? TimeSpan.FromMilliseconds(_environment.NowMs - ms) : (TimeSpan?)null;
            var isDue = since > options.IntegrityAfter && sent.Outcome is HealthOutcome.Done or HealthOutcome.Paused;
            RecheckReport? recheck = null;
            IntegrityReport? integrity = null;
            if (_sync.Source is IHealthWindowSource source && sent.Outcome != HealthOutcome.QueueFull)
            {
                recheck = await RecheckAsync(source, since, isDue, between, cancellationToken).ConfigureAwait(false);
                if (recheck.Missed + recheck.Gone + recheck.Again > 0)
                {
                    await _sync.DrainAsync(HealthPhase.Foreground, cancellationToken).ConfigureAwait(false);
                }
            }
            else if (isDue && _server is not null && _sync.Source is StoredHealthSource)
            {
                integrity = await new HealthIntegrity(_store, _sync, _server).CheckAsync(type: null, cancellationToken).ConfigureAwait(false);
            }

            return new ForegroundReport(sent, recheck, integrity);
        }
        finally
        {
            await SettleAsync(isCutOff: false).ConfigureAwait(false);
        }
    }

    // As far back as it is since everything was there, and not further than is known.
    private async Task<RecheckReport> RecheckAsync(IHealthWindowSource source, TimeSpan? since, bool withServer, Func<Task>? between, CancellationToken cancellationToken)
    {
        var options = _sync.Options;
        var window = options.RecheckWindow + (since is { } away && away > TimeSpan.Zero ? away : TimeSpan.Zero);
        try
        {
            return await new HealthRecheck(_store, source, options, _environment, _server)
                .RunAsync(window > options.KeepKnown ? options.KeepKnown : window, withServer, between, cancellationToken).ConfigureAwait(false);
        }
        catch (SyncException e)
        {
            _log.SourceTroubled("", HealthTrouble.NotSent, e.Message); // The server's days can be compared the next time.
            return new RecheckReport(0, 0, 0, 0);
        }
    }

    private async Task SettleAsync(bool isCutOff)
    {
        await PlanWindowAsync(isCutOff).ConfigureAwait(false);
        await Status.RefreshAsync(_store, !_environment.Connectivity.IsOnline, _nextWindow, CancellationToken.None).ConfigureAwait(false);
    }

    // One is asked for while something waits, and none while nothing does. What waits is counted in the same turn, so that no page that is captured meanwhile is left without.
    private async Task PlanWindowAsync(bool isCutOff)
    {
        if (_windows is null)
        {
            return;
        }

        await _asking.WaitAsync().ConfigureAwait(false);
        try
        {
            var waiting = await _store.ReadAsync(() => _store.Queue.Waiting, CancellationToken.None).ConfigureAwait(false);
            if (waiting == 0 && !isCutOff)
            {
                if (_nextWindow is not null)
                {
                    await _windows.WithdrawAsync(CancellationToken.None).ConfigureAwait(false);
                    _nextWindow = null;
                }
            }
            else if (_nextWindow is null || _nextWindow < _environment.Now)
            {
                var request = new HealthWindowRequest(_environment.Now + _sync.Options.BackgroundInterval);
                _log.WindowAsked(request.Earliest, waiting);
                await _windows.RequestAsync(request, CancellationToken.None).ConfigureAwait(false);
                _nextWindow = request.Earliest;
            }
        }
        finally
        {
            _asking.Release();
        }
    }

    private Task<T> ScheduledAsync<T>(SyncTaskPriority priority, string key, Func<Func<Task>?, CancellationToken, Task<T>> work, CancellationToken cancellationToken) => IsAlone
        ? work(null, cancellationToken)
        : _scheduler.RunAsync(
            new SyncTask(SyncTaskKind.HealthIngest, priority, SyncResources.Network | SyncResources.Sqlite, key) { File = _store.Path }, (turn, token) => work(turn.GiveWayAsync, token), cancellationToken);
}
