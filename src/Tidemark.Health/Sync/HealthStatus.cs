using System.ComponentModel;
using System.Runtime.CompilerServices;
using Tidemark.Health.Storage;

namespace Tidemark.Health.Sync;

/// <summary>Why a type, or everything, stands still. Each ends by itself as soon as its cause does.</summary>
public enum HealthTrouble
{
    None = 0,

    /// <summary>The device is locked.</summary>
    Locked = 1,

    /// <summary>Whether it may be read is not known.</summary>
    PermissionUnknown = 2,

    /// <summary>The source was asked too often.</summary>
    RateLimited = 3,

    /// <summary>The source had forgotten where it was: it is read again from its beginning.</summary>
    AnchorExpired = 4,

    /// <summary>The server did not answer, or there is no network.</summary>
    NotSent = 5,

    /// <summary>As many items wait as may: the source keeps what is new.</summary>
    QueueFull = 6,

    /// <summary>The server refuses samples of it.</summary>
    Rejected = 7,
}

/// <summary>How one type stands.</summary>
public sealed record HealthTypeStatus
{
    public required string Type { get; init; }

    /// <summary>When its source last answered; null: never.</summary>
    public DateTimeOffset? LookedAt { get; init; }

    /// <summary>When the server last had all that was sent of it.</summary>
    public DateTimeOffset? LastSuccess { get; init; }

    /// <summary>The end of the latest sample that was seen. A type whose source answers and that has none is one that nobody measures, or that may not be read: the platform does not tell.</summary>
    public DateTimeOffset? LastSample { get; init; }

    /// <summary>Items that are not on the server and will be tried.</summary>
    public long Waiting { get; init; }

    public long Uploading { get; init; }

    /// <summary>Of the waiting ones, those that were tried already.</summary>
    public long Failed { get; init; }

    public long Rejected { get; init; }

    public HealthTrouble Trouble { get; init; }

    /// <summary>The sentence to the trouble; null without one.</summary>
    public string? Reason { get; init; }

    /// <summary>When it is tried again at the earliest, where the source has said so.</summary>
    public DateTimeOffset? Until { get; init; }
}

/// <summary>How health data stand, for a user interface to bind to. Raised on the synchronization context that it was made on, where there was one.</summary>
public sealed class HealthStatus : INotifyPropertyChanged
{
    private readonly SynchronizationContext? _context = SynchronizationContext.Current;

    internal HealthStatus()
    {
    }

    public event PropertyChangedEventHandler? PropertyChanged;

    /// <summary>Every type that was ever looked at, in ordinal order.</summary>
    public IReadOnlyList<HealthTypeStatus> Types { get; private set => Set(ref field, value); } = [];

    /// <summary>When everything that was captured was last on the server, nothing waiting.</summary>
    public DateTimeOffset? LastSuccess { get; private set => Set(ref field, value); }

    public long Waiting { get; private set => Set(ref field, value); }

    public long Uploading { get; private set => Set(ref field, value); }

    public long Failed { get; private set => Set(ref field, value); }

    public long Rejected { get; private set => Set(ref field, value); }

    /// <summary>There is no network.</summary>
    public bool IsOffline { get; private set => Set(ref field, value); }

    /// <summary>When the background window that was asked for may come at the earliest; null: none was asked for.</summary>
    public DateTimeOffset? NextWindow { get; private set => Set(ref field, value); }

    internal async Task RefreshAsync(HealthStore store, bool isOffline, DateTimeOffset? nextWindow, CancellationToken cancellationToken)
    {
        var (states, counts) = await store.ReadAsync(() => (store.States.All(), store.Queue.Counts().ToLookup(c => c.Type, StringComparer.Ordinal)), cancellationToken).ConfigureAwait(false);
        List<HealthTypeStatus> types = [.. states.Where(s => s.Type.Length > 0).Select(s => Of(s, counts[s.Type].ToDictionary(c => c.Status, c => c.Items)))];
        Post(() =>
        {
            if (!Types.SequenceEqual(types))
            {
                Types = types;
            }

            (Waiting, Uploading, Failed, Rejected) = (types.Sum(t => t.Waiting), types.Sum(t => t.Uploading), types.Sum(t => t.Failed), types.Sum(t => t.Rejected));
            LastSuccess = TimeOf(states.Find(s => s.Type.Length == 0)?.Sent);
            (IsOffline, NextWindow) = (isOffline, nextWindow);
        });
    }

    private static HealthTypeStatus Of(TypeState state, Dictionary<QueueStatus, long> items)
    {
        var (failed, uploading, rejected) = (items.GetValueOrDefault(QueueStatus.Failed), items.GetValueOrDefault(QueueStatus.Uploading), items.GetValueOrDefault(QueueStatus.Rejected));
        var trouble = state.Trouble != HealthTrouble.None ? state.Trouble : rejected > 0 ? HealthTrouble.Rejected : HealthTrouble.None;
        return new HealthTypeStatus
        {
            Type = state.Type,
            LookedAt = TimeOf(state.Looked),
            LastSuccess = TimeOf(state.Sent),
            LastSample = TimeOf(state.Sample),
            Waiting = items.GetValueOrDefault(QueueStatus.Pending) + failed + uploading,
            Uploading = uploading,
            Failed = failed,
            Rejected = rejected,
            Trouble = trouble,
            Reason = trouble == HealthTrouble.Rejected && state.Reason is null ? "The server refused samples; they are kept with the reason of each." : state.Reason,
            Until = TimeOf(state.Until),
        };
    }

    private static DateTimeOffset? TimeOf(long? ms) => ms is { } time ? DateTimeOffset.FromUnixTimeMilliseconds(time) : null;

    private void Post(Action change)
    {
        if (_context is null || _context == SynchronizationContext.Current)
        {
            change();
        }
        else
        {
            _context.Post(static c => ((Action)c!)(), change);
        }
    }

    private void Set<T>(ref T field, T value, [CallerMemberName] string? name = null)
    {
        if (!EqualityComparer<T>.Default.Equals(field, value))
        {
            field = value;
            PropertyChanged?.Invoke(this, new PropertyChangedEventArgs(name));
        }
    }
}
