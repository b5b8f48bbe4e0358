using System.ComponentModel;
using System.Runtime.CompilerServices;
using Tidemark.Client.Engines;
using Tidemark.Client.Errors;

namespace Tidemark.Client.Coordination.Announcing;

/// <summary>What a service does.</summary>
public enum SyncActivity
{
    /// <summary>Not started, or stopped.</summary>
    Stopped,

    /// <summary>Nothing to do until something happens or a time has come.</summary>
    Idle,

    /// <summary>A run is under way.</summary>
    Running,

    /// <summary>Paused by the app.</summary>
    Paused,

    /// <summary>There is no network.</summary>
    Offline,
}

/// <summary>
/// How syncing stands, for a user interface to bind to. Changes are raised on the synchronization context the service was made on, where there was one, and in the order they happened.
/// </summary>
public sealed class SyncStatus : INotifyPropertyChanged
{
    private readonly Announcer _announcer;

    internal SyncStatus(Announcer announcer) => _announcer = announcer;

    public event PropertyChangedEventHandler? PropertyChanged;

    public SyncActivity Activity { get; private set => Set(ref field, value); }

    /// <summary>What the run under way does, or the last one did last.</summary>
    public SyncPhase Phase { get; private set => Set(ref field, value); }

    /// <summary>Rows or commands done in this phase.</summary>
    public long Rows { get; private set => Set(ref field, value); }

    /// <summary>The estimate of all of them; null when unknown.</summary>
    public long? Total { get; private set => Set(ref field, value); }

    /// <summary>Changes that wait to be sent.</summary>
    public long Pending { get; private set => Set(ref field, value); }

    /// <summary>Commands that need a person.</summary>
    public long DeadLetters { get; private set => Set(ref field, value); }

    /// <summary>When the last run that went well ended; null: none since the service was made.</summary>
    public DateTimeOffset? LastSuccess { get; private set => Set(ref field, value); }

    /// <summary>Why the last run failed; null when it did not.</summary>
    public SyncException? LastError { get; private set => Set(ref field, value); }

    /// <summary>The last run; null before the first.</summary>
    public SyncReport? LastReport { get; private set => Set(ref field, value); }

    /// <summary>Runs since the service was made, idle ones included.</summary>
    public long Runs { get; private set => Set(ref field, value); }

    internal void Are(SyncActivity activity) => _announcer.Post(() => Activity = activity);

    internal void Wait(long pending) => _announcer.Post(() => Pending = pending);

    internal void Progressed(SyncProgress progress) => _announcer.Post(() => (Phase, Rows, Total) = (progress.Phase, progress.Rows, progress.Total));

    internal void Ended(SyncReport report) => _announcer.Post(() =>
    {
        if (report.Outcome is SyncOutcome.Done or SyncOutcome.Idle)
        {
            LastSuccess = report.StartedAt + report.Duration;
        }

        LastError = report.Outcome == SyncOutcome.Cancelled ? LastError : report.Error;
        (Pending, DeadLetters, Runs, LastReport) = (report.Pending, report.DeadLetters, Runs + 1, report);
    });

    private void Set<T>(ref T field, T value, [CallerMemberName] string? name = null)
    {
        if (!EqualityComparer<T>.Default.Equals(field, value))
        {
            field = value;
            PropertyChanged?.Invoke(this, new PropertyChangedEventArgs(name));
        }
    }
}
