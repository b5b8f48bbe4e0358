#if TIDEMARK_MUTANTS
using Tidemark.Model;
#endif
using Tidemark.Client.Remotes;

namespace Tidemark.Client.Coordination;

/// <summary>
/// Between hints and runs: says when a run is worth while. A hint of what was pulled already asks for none; hints that come while a run is under way are looked at
/// when it has ended. Give <see cref="Hinted"/> to <see cref="ILiveHints.RunAsync"/>, call <see cref="Starting"/> before every run, and give its report to <see cref="Note"/>.
/// A started <see cref="DataSyncService"/> does all of this itself.
/// </summary>
public sealed class HintGate
{
    private readonly Lock _lock = new();
    private long _hinted;
    private long _hintedBefore;
    private long _pulled;
    private TaskCompletionSource _due = New();

    /// <summary>Something was hinted at that no run has pulled yet.</summary>
    public bool IsDue
    {
        get
        {
            lock (_lock)
            {
                return _hinted > _pulled;
            }
        }
    }

    /// <summary>Notes a hint; returns at once.</summary>
    public void Hinted(LiveHint hint)
    {
        lock (_lock)
        {
#if TIDEMARK_MUTANTS
            _pulled = Mutants.Is(Mutant.HintSwallowed) && _hinted > 0 ? Math.Max(_pulled, hint.Position) : _pulled;
#endif
            _hinted = Math.Max(_hinted, hint.Position);
            if (hint.IsMembership)
            {
                _hinted = Math.Max(_hinted, _pulled + 1); // A space was joined or left: no position tells of that.
            }

            Wake();
        }
    }

    /// <summary>
    /// A run begins. What was hinted at before is served by it, wherever the server's head is now: one that was restored from a backup stands before its own hints.
    /// </summary>
    public void Starting()
    {
        lock (_lock)
        {
            _hintedBefore = _hinted;
        }
    }

    /// <summary>Notes how far a run has pulled.</summary>
    public void Note(SyncReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        lock (_lock)
        {
            if (report.Error is null && report.Mode != SyncMode.PushOnly && !report.Pull.HasMore && !report.Pull.IsHeldBack)
            {
                _pulled = Math.Max(Math.Max(_pulled, _hintedBefore), report.Pull.Until);
            }
        }
    }

    /// <summary>Everything up to here was pulled before this process began.</summary>
    internal void KnownUntil(long position)
    {
        lock (_lock)
        {
            _pulled = Math.Max(_pulled, position);
        }
    }

    /// <summary>Completes when a run is worth while; at once when it is already.</summary>
    public Task WaitAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_hinted > _pulled)
            {
                return Task.CompletedTask;
            }

            if (_due.Task.IsCompleted)
            {
                _due = New();
            }

            return _due.Task.WaitAsync(cancellationToken);
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Wake()
    {
        if (_hinted > _pulled)
        {
            _due.TrySetResult();
        }
    }
}
