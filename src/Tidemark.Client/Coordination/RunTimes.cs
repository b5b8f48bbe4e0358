using System.Diagnostics;
using System.Globalization;
using Tidemark.Client.Environment;
using Tidemark.Client.Observing;

namespace Tidemark.Client.Coordination;

/// <summary>How long a run and its phases take.</summary>
internal sealed class RunTimes
{
    private readonly SyncEnvironment _environment;
    private readonly long _started;
    private readonly List<(string Phase, double Ms)> _phases = [];

    public RunTimes(SyncEnvironment environment)
    {
        _environment = environment;
        StartedAt = environment.Now;
        _started = environment.Time.GetTimestamp();
    }

    public DateTimeOffset StartedAt { get; }

    public TimeSpan Elapsed => _environment.Time.GetElapsedTime(_started);

    /// <summary>What each phase took, in the order they ran.</summary>
    public IReadOnlyList<PhaseTime> Phases => [.. _phases.Select(p => new PhaseTime(p.Phase, TimeSpan.FromMilliseconds(p.Ms)))];

    /// <summary>From now until it is disposed; a phase that runs twice counts both.</summary>
    public Measure Of(string phase) => new(this, phase, _environment.Time.GetTimestamp(), SyncSources.Activities.StartActivity("tidemark.sync.phase")?.SetTag("tidemark.phase", phase));

    public override string ToString() => string.Join(", ", _phases.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Phase} {p.Ms:0}")));

    private void Add(string phase, double ms)
    {
        var known = _phases.FindIndex(p => p.Phase == phase);
        if (known < 0)
        {
            _phases.Add((phase, ms));
        }
        else
        {
            _phases[known] = (phase, _phases[known].Ms + ms);
        }
    }

    internal readonly struct Measure(RunTimes times, string phase, long since, Activity? activity) : IDisposable
    {
        public void Dispose()
        {
            times.Add(phase, times._environment.Time.GetElapsedTime(since).TotalMilliseconds);
            activity?.Dispose();
        }
    }
}

/// <summary>How long one phase of a run took.</summary>
public sealed record PhaseTime(string Phase, TimeSpan Duration);
