using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;

namespace Tidemark.Cli.Syncing;

/// <summary>What a watch came to.</summary>
internal sealed record WatchResult(int Runs, long Pushed, long Pulled, long Conflicts, int Failures, long DeadLetters, long Pending, ExitCode ExitCode);

/// <summary>
/// The loop of `watch`: a run at once, then one whenever the file changed and came to rest, the server says that others have written, or the interval is over.
/// Trouble that may pass is waited out, longer every time; a refused token ends the watch.
/// </summary>
internal sealed class Watcher(OpenDevice device, ChangeWatch changes, HintGate hints, Out output, TimeSpan every)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    // A burst of commits is one run: after so long without another commit, or so long since the first.
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan QuietMax = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan WaitMax = TimeSpan.FromMinutes(1);

    private readonly RetryPause _pause = new(new Backoff { DelayMaxMs = (long)WaitMax.TotalMilliseconds }, SyncEnvironment.System);
    private long _seen;
    private WatchResult _result = new(0, 0, 0, 0, 0, 0, 0, ExitCode.Done);

    public async Task<WatchResult> RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                // Looked at before the run: what is committed meanwhile is seen, at the price of one idle run after the run's own commits.
                _seen = changes.Version();
                var report = await device.Sync.SyncAsync(SyncMode.Full, _result.Runs == 0 ? "start" : "watch", null, cancellationToken);
                if (report.Outcome == SyncOutcome.Cancelled)
                {
                    break;
                }

                hints.Note(report);
                Note(report);
                if (report.Error is { Retryable: false, Code: SyncErrorCode.AuthFailed or SyncErrorCode.WrongUser or SyncErrorCode.DeviceRevoked or SyncErrorCode.ModelMismatch })
                {
                    return _result with { ExitCode = SyncText.ExitOf(report) };
                }

                await WaitAsync(report, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Stopped as asked.
        }

        return _result.DeadLetters > 0 ? _result with { ExitCode = ExitCode.NeedsYou } : _result;
    }

    private void Note(SyncReport report)
    {
        _result = new WatchResult(
            _result.Runs + 1,
            _result.Pushed + report.Push.Accepted,
            _result.Pulled + SyncText.PulledOf(report),
            _result.Conflicts + report.Push.Conflicts + report.Pull.Conflicts,
            _result.Failures + (report.Error is null ? 0 : 1),
            report.DeadLetters,
            report.Pending,
            ExitCode.Done);
        if (report.Error is { } error)
        {
            output.Warn($"{SyncText.CodeOf(error)}: {error.Message}");
        }
        else if (report.Outcome != SyncOutcome.Idle)
        {
            output.Line($"{Tables.TimeOf(DateTimeOffset.UtcNow)}  {SyncText.LineOf(report)} ({Tables.DurationOf(report.Duration)})");
        }
    }

    private async Task WaitAsync(SyncReport report, CancellationToken cancellationToken)
    {
        if (_pause.After(report) is { } pause)
        {
            await Task.Delay(pause, cancellationToken);
            return;
        }

        if (report.Pull.HasMore)
        {
            return;
        }

        var until = Environment.TickCount64 + (long)every.TotalMilliseconds;
        while (Environment.TickCount64 < until)
        {
            await Task.WhenAny(Task.Delay(LookEvery, cancellationToken), hints.WaitAsync(cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
            if (hints.IsDue)
            {
                return;
            }

            if (changes.Version() != _seen)
            {
                await ComeToRestAsync(cancellationToken);
                return;
            }
        }
    }

    private async Task ComeToRestAsync(CancellationToken cancellationToken)
    {
        var first = Environment.TickCount64;
        var last = (Version: changes.Version(), At: first);
        while (Environment.TickCount64 - last.At < Quiet.TotalMilliseconds && Environment.TickCount64 - first < QuietMax.TotalMilliseconds)
        {
            await Task.Delay(LookEvery, cancellationToken);
            var version = changes.Version();
            if (version != last.Version)
            {
                last = (version, Environment.TickCount64);
            }
        }
    }
}
