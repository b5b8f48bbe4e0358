using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Coordination;
using Tidemark.Client.Coordination.Announcing;
using Tidemark.Client.Errors;

namespace Tidemark.Cli.Syncing;

/// <summary>What a watch came to.</summary>
internal sealed record WatchResult(int Runs, long Pushed, long Pulled, long Conflicts, int Failures, long DeadLetters, long Pending, ExitCode ExitCode);

/// <summary>`watch`: the started service, told about line by line. Trouble that may pass is waited out by the service; a refused token ends the watch.</summary>
internal sealed class Watcher(OpenDevice device, Out output)
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _isOver = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WatchResult _result = new(0, 0, 0, 0, 0, 0, 0, ExitCode.Done);

    public async Task<WatchResult> RunAsync(CancellationToken cancellationToken)
    {
        device.Sync.Status.PropertyChanged += (_, e) =>
        {
            if (e.PropertyName == nameof(SyncStatus.LastReport) && device.Sync.Status.LastReport is { } report)
            {
                Note(report);
            }
        };
        device.Sync.Start();
        try
        {
            await _isOver.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Stopped as asked.
        }

        await device.Sync.StopAsync();
        lock (_lock)
        {
            return _result is { ExitCode: ExitCode.Done, DeadLetters: > 0 } ? _result with { ExitCode = ExitCode.NeedsYou } : _result;
        }
    }

    private void Note(SyncReport report)
    {
        if (report.Outcome == SyncOutcome.Cancelled)
        {
            return;
        }

        lock (_lock)
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

            if (report.Error is { Retryable: false, Code: SyncErrorCode.AuthFailed or SyncErrorCode.WrongUser or SyncErrorCode.DeviceRevoked or SyncErrorCode.ModelMismatch })
            {
                _result = _result with { ExitCode = SyncText.ExitOf(report) };
                _isOver.TrySetResult();
            }
        }
    }
}
