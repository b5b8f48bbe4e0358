namespace Tidemark.Client.Coordination;

/// <summary>No run begins before the host's session is settled; what is asked for until then is one run of each kind, whoever asks.</summary>
internal sealed class SessionGate(Func<CancellationToken, Task>? settled)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<SyncMode, Joint> _joint = [];

    public Task<SyncReport> RunAsync(SyncMode mode, Func<CancellationToken, Task<SyncReport>> run, CancellationToken cancellationToken)
    {
        if (settled is null)
        {
            return run(cancellationToken);
        }

        lock (_lock)
        {
            if (_joint.TryGetValue(mode, out var joint))
            {
                return JoinAsync(mode, joint, cancellationToken);
            }

            joint = new Joint();
            var settling = settled(joint.Ending.Token);
            if (!settling.IsCompleted)
            {
                _joint[mode] = joint;
                joint.Run = GoAsync(mode, joint, settling, run);
                return JoinAsync(mode, joint, cancellationToken);
            }
        }

        return run(cancellationToken);
    }

    // Called with the lock held as far as it counts.
    private Task<SyncReport> JoinAsync(SyncMode mode, Joint joint, CancellationToken cancellationToken)
    {
        joint.Waiting++;
        return WaitAsync(mode, joint, cancellationToken);
    }

    private async Task<SyncReport> WaitAsync(SyncMode mode, Joint joint, CancellationToken cancellationToken)
    {
        try
        {
            return await joint.Run.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await LeaveAsync(mode, joint).ConfigureAwait(false);
        }
    }

    // When nobody waits for it any more, the run is not begun, or is cancelled.
    private async Task LeaveAsync(SyncMode mode, Joint joint)
    {
        lock (_lock)
        {
            if (--joint.Waiting > 0 || joint.Run.IsCompleted)
            {
                return;
            }

            _joint.Remove(mode);
        }

        await joint.Ending.CancelAsync().ConfigureAwait(false);
    }

    // A session that could not be settled is told of by the remotes themselves.
    private async Task<SyncReport> GoAsync(SyncMode mode, Joint joint, Task settling, Func<CancellationToken, Task<SyncReport>> run)
    {
        await settling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_lock)
        {
            if (_joint.TryGetValue(mode, out var current) && current == joint)
            {
                _joint.Remove(mode);
            }
        }

        return await run(joint.Ending.Token).ConfigureAwait(false);
    }

    private sealed class Joint
    {
        public CancellationTokenSource Ending { get; } = new();

        public int Waiting { get; set; }

        public Task<SyncReport> Run { get; set; } = null!;
    }
}
