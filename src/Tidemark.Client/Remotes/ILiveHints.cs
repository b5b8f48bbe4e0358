namespace Tidemark.Client.Remotes;

/// <summary>A word of the server that a space has moved. It may be lost, come twice or late: it says that a pull is worth while, nothing else.</summary>
/// <param name="Space">The space that moved.</param>
/// <param name="Position">Where its head is now. What was pulled up to here, or past it, needs no run.</param>
public readonly record struct LiveHint(string Space, long Position)
{
    /// <summary>Who is a member of the space has changed: a run asks which spaces there are, wherever their heads are.</summary>
    public bool IsMembership { get; init; }
}

/// <summary>How a connection for hints stands.</summary>
public enum LiveHintState
{
    /// <summary>Not running.</summary>
    Stopped,

    /// <summary>Asking for the connection.</summary>
    Connecting,

    /// <summary>Hints come as others write.</summary>
    Live,

    /// <summary>No connection; tried again after a pause. Ask now and then meanwhile.</summary>
    Waiting,
}

/// <summary>
/// The server's hints. Lost ones cost freshness only, so nothing here is an error of a sync: trouble is waited out, longer every time, until the token ends it.
/// Changes of this device itself are not hinted at.
/// </summary>
public interface ILiveHints
{
    LiveHintState State { get; }

    /// <summary>Raised when <see cref="State"/> changes, on any thread.</summary>
    event EventHandler? StateChanged;

    /// <summary>
    /// Keeps connected until cancelled; completes without an exception then. After every connection that comes about, the space's head is the first hint: what moved
    /// while nobody listened is not missed.
    /// </summary>
    /// <param name="hinted">Called on any thread, one call at a time; must return at once (note it, wake a run).</param>
    /// <param name="cancellationToken">Ends it.</param>
    Task RunAsync(Action<LiveHint> hinted, CancellationToken cancellationToken);
}
