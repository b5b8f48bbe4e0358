using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Tidemark.Client.Observing;

/// <summary>The meter and the activities of the client; `docs/internals/observability.md` lists what they give.</summary>
public static class SyncSources
{
    /// <summary>The name of the meter and of the activity source.</summary>
    public const string Name = "Tidemark.Client";

    internal static ActivitySource Activities { get; } = new(Name);

    internal static Meter Meter { get; } = new(Name);

    internal static Counter<long> Runs { get; } = Meter.CreateCounter<long>("tidemark.sync.runs", "{run}", "Runs, by trigger and outcome.");

    internal static Histogram<double> RunDuration { get; } = Meter.CreateHistogram<double>("tidemark.sync.run.duration", "s", "How long runs took, by outcome.");

    internal static Histogram<double> PhaseDuration { get; } = Meter.CreateHistogram<double>("tidemark.sync.phase.duration", "s", "How long a phase of a run took.");

    internal static Counter<long> Pushed { get; } = Meter.CreateCounter<long>("tidemark.sync.pushed", "{command}", "Commands with a verdict, by verdict.");

    internal static Counter<long> Pulled { get; } = Meter.CreateCounter<long>("tidemark.sync.pulled", "{row}", "Rows pulled, by what became of them.");

    internal static Counter<long> Bytes { get; } = Meter.CreateCounter<long>("tidemark.sync.pulled.bytes", "By", "Bytes of pages, before compression.");

    internal static Counter<long> Requests { get; } = Meter.CreateCounter<long>("tidemark.sync.requests", "{request}", "Requests sent, by path and what came back.");

    internal static Counter<long> WakeUps { get; } = Meter.CreateCounter<long>("tidemark.sync.wakeups", "{wakeup}", "How often the service's loop woke up.");

    /// <summary>One request; null: nothing came back.</summary>
    internal static void CountRequest(string path, int? status) =>
        Requests.Add(1, new("path", path), new("status", status is { } number ? number : "none"));

    /// <summary>One run, after it has ended.</summary>
    internal static void Count(Coordination.SyncReport report)
    {
        var outcome = report.Outcome.ToString();
        Runs.Add(1, new("trigger", report.Trigger), new("outcome", outcome), new("error", report.Error is { } e ? Errors.SyncErrorCodes.NameOf(e.Code) : null));
        RunDuration.Record(report.Duration.TotalSeconds, new KeyValuePair<string, object?>("outcome", outcome));
        foreach (var phase in report.Phases)
        {
            PhaseDuration.Record(phase.Duration.TotalSeconds, new KeyValuePair<string, object?>("phase", phase.Phase));
        }

        Add(Pushed, "verdict", ("accepted", report.Push.Accepted), ("conflict", report.Push.Conflicts), ("failed", report.Push.Failed), ("dead", report.Push.DeadLetters));
        Add(Pulled, "became", ("applied", report.Pull.Applied), ("merged", report.Pull.Merged), ("deleted", report.Pull.Deleted), ("put aside", report.Pull.Failed));
        Bytes.Add(report.Pull.Bytes);
    }

    private static void Add(Counter<long> counter, string tag, params ReadOnlySpan<(string Name, int Count)> counts)
    {
        foreach (var (name, count) in counts)
        {
            if (count > 0)
            {
                counter.Add(count, new KeyValuePair<string, object?>(tag, name));
            }
        }
    }
}
