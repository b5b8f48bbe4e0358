using Tidemark.Client.Engines.Integrity;
using Tidemark.Client.Engines.Pull;
using Tidemark.Client.Engines.Push;

namespace Tidemark.Client.Coordination;

/// <summary>How a store is synced.</summary>
public sealed class SyncOptions
{
    /// <summary>The space to sync; null: the user's default space.</summary>
    public string? Space { get; set; }

    public PushOptions Push { get; set; } = new();

    public PullOptions Pull { get; set; } = new();

    /// <summary>What the integrity gate does with an orphan on a required relation. Default: fail.</summary>
    public GateMode Gate { get; set; } = GateMode.FailFast;

    /// <summary>
    /// Asked before each run: ends when the host's session stands (signed in, or restored). Until then no run begins, and those that are asked for by sign-in, restored session, foreground or a person are one.
    /// When it fails the run begins all the same, and the remotes say what is wrong. Its token ends it when nobody waits any more. Default: sessions always stand.
    /// </summary>
    public Func<CancellationToken, Task>? SessionSettled { get; set; }

    /// <summary>How long a run waits for another process's run on the same file. Default 30 seconds.</summary>
    public TimeSpan LockWait { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long no run starts by itself after one that failed. Default: full jitter up to a second, doubled with every failure up to five minutes.</summary>
    public Backoff Backoff { get; set; } = new();

    /// <summary>What the service does by itself once it is started.</summary>
    public Pacing.AutomaticOptions Automatic { get; set; } = new();

    /// <summary>Tell the server's operator how many dead letters there are, of which types and with which codes; nothing of a row. Default true.</summary>
    public bool ReportDeadLetters { get; set; } = true;

    /// <summary>Register this device's model when the server has none, or an older one. Default true; the server decides who may.</summary>
    public bool RegisterModel { get; set; } = true;
}
