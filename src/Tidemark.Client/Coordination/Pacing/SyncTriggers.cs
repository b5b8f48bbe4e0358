namespace Tidemark.Client.Coordination.Pacing;

/// <summary>Who asks for a run. Apps may use names of their own for runs they ask for themselves.</summary>
public static class SyncTriggers
{
    /// <summary>A person asked: passes the throttle and the back-off, not the server's Retry-After.</summary>
    public const string User = "user";

    /// <summary>The service was started.</summary>
    public const string Start = "start";

    /// <summary>The service was resumed after a pause.</summary>
    public const string Resume = "resume";

    /// <summary>Something was written here, by whomever.</summary>
    public const string Change = "change";

    /// <summary>The interval is over.</summary>
    public const string Periodic = "periodic";

    /// <summary>The app came to the foreground, or the machine woke up.</summary>
    public const string Foreground = "foreground";

    /// <summary>The network is back.</summary>
    public const string Reconnect = "reconnect";

    /// <summary>The server hinted that something moved.</summary>
    public const string Hint = "hint";

    /// <summary>The back-off after a failure is over, or the former run left something to fetch.</summary>
    public const string Retry = "retry";

    /// <summary>A run for catalogs alone.</summary>
    public const string Catalog = "catalog";
}
