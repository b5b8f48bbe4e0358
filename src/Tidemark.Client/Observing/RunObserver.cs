using Microsoft.Extensions.Logging;
using Tidemark.Client.Coordination;
using Tidemark.Client.Errors;

namespace Tidemark.Client.Observing;

/// <summary>Tells logs and metrics of a run that has ended.</summary>
internal static class RunObserver
{
    public static void Tell(ILogger log, SyncReport report)
    {
        SyncSources.Count(report);
        if (report.Outcome == SyncOutcome.Idle)
        {
            log.RunIdle(report.Trigger);
            return;
        }

        foreach (var warning in report.Warnings)
        {
            log.RunWarned(warning);
        }

        foreach (var phase in report.Phases)
        {
            log.PhaseEnded(phase.Phase, phase.Duration.TotalMilliseconds);
        }

        if (report is { Outcome: SyncOutcome.Failed, Error: { } error })
        {
            log.RunFailed(error.WireCode ?? SyncErrorCodes.NameOf(error.Code), error.Message, error.Retryable, error.RetryAfter, error);
        }

        var (push, pull) = (report.Push, report.Pull);
        log.RunEnded(
            report.Outcome.ToString(), report.Duration.TotalMilliseconds, string.Join(", ", report.Phases.Select(p => p.Phase)), push.Accepted,
            pull.Applied + pull.Merged + pull.Deleted, push.Conflicts + pull.Conflicts, push.Failed + push.DeadLetters + pull.Failed, report.Pending);
    }
}
