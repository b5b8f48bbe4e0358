using Spectre.Console;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Coordination;
using Tidemark.Client.Engines;
using Tidemark.Client.Errors;

namespace Tidemark.Cli.Syncing;

/// <summary>A run's report as people and programs read it.</summary>
internal static class SyncText
{
    public static object DocumentOf(SyncReport report) => new
    {
        outcome = report.Outcome,
        trigger = report.Trigger,
        mode = report.Mode,
        startedAt = report.StartedAt,
        pushed = report.Push.Accepted,
        pulled = PulledOf(report),
        conflicts = report.Push.Conflicts + report.Pull.Conflicts,
        failed = report.Push.Failed + report.Pull.Failed,
        deadLetters = report.DeadLetters,
        pending = report.Pending,
        putAside = report.Pull.Aside,
        hasMore = report.Pull.HasMore,
        durationMs = (long)report.Duration.TotalMilliseconds,
        changedTypes = report.ChangedTypes,
        failedByType = report.Pull.FailedByType,
        warnings = report.Warnings,
        error = report.Error is { } e ? new { code = CodeOf(e), message = e.Message, retryable = e.Retryable, retryAfterMs = (long?)e.RetryAfter?.TotalMilliseconds } : null,
    };

    public static void Show(Out output, SyncReport report)
    {
        foreach (var warning in report.Warnings)
        {
            output.Warn(warning);
        }

        if (report.Error is { } error)
        {
            output.Fail(Failure.Of(error, CancellationToken.None));
        }

        if (report.Outcome == SyncOutcome.Idle)
        {
            output.Line($"Nothing to do ({Tables.DurationOf(report.Duration)}).");
            return;
        }

        output.Markup($"{HeadingOf(report)} in {Tables.DurationOf(report.Duration)}: {LineOf(report)}");
        if (report.DeadLetters > 0)
        {
            output.Markup($"[yellow]{Tables.Count(report.DeadLetters, "dead letter")}[/] - see `tidemark dead-letters DB`.");
        }
    }

    public static string LineOf(SyncReport report)
    {
        var parts = new List<string> { $"pushed {Tables.TextOf(report.Push.Accepted)}", $"pulled {Tables.TextOf(PulledOf(report))}" };
        AddTo(parts, report.Push.Conflicts + report.Pull.Conflicts, "conflicts settled");
        AddTo(parts, report.Push.Failed, "refused for now");
        AddTo(parts, report.Pull.Aside, "put aside");
        AddTo(parts, report.Pending, "waiting");
        return string.Join(", ", parts);
    }

    public static int PulledOf(SyncReport report) => report.Pull.Applied + report.Pull.Merged + report.Pull.Deleted;

    public static ExitCode ExitOf(SyncReport report) =>
        report.Error is { } error ? Failure.ExitOf(error.Code)
        : report.DeadLetters > 0 ? ExitCode.NeedsYou
        : ExitCode.Done;

    /// <summary>The wire's code where the server gave one, else the client's.</summary>
    public static string CodeOf(SyncException error) => error.WireCode ?? SyncErrorCodes.NameOf(error.Code);

    /// <summary>Feeds the bars of <see cref="Work"/> from a run.</summary>
    public static IProgress<SyncProgress> ProgressTo(IProgress<WorkStep> steps) => new Relay(steps);

    private static string HeadingOf(SyncReport report) => report.Outcome switch
    {
        SyncOutcome.Done => "[green]Synced[/]",
        SyncOutcome.Cancelled => "[yellow]Stopped[/]",
        _ => "[red]Failed[/]",
    };

    private static void AddTo(List<string> parts, long count, string what)
    {
        if (count > 0)
        {
            parts.Add($"{Tables.TextOf(count)} {what}");
        }
    }

    private sealed class Relay(IProgress<WorkStep> steps) : IProgress<SyncProgress>
    {
        public void Report(SyncProgress value)
        {
            var phase = value.Phase switch
            {
                SyncPhase.Connect => "connecting",
                SyncPhase.Push => "pushing",
                SyncPhase.Pull => "pulling",
                SyncPhase.Apply => "applying",
                SyncPhase.FullFetch => "fetching all",
                SyncPhase.FullApply => "applying all",
                _ => null,
            };
            if (phase is not null)
            {
                steps.Report(new WorkStep(phase, value.Rows, value.Total));
            }
        }
    }
}
