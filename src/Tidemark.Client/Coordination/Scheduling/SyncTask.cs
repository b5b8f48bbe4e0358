namespace Tidemark.Client.Coordination.Scheduling;

/// <summary>What a task does.</summary>
public enum SyncTaskKind
{
    /// <summary>A run of the sync engine.</summary>
    DataSync,

    /// <summary>Taking in and sending health data.</summary>
    HealthIngest,

    /// <summary>Fetching a catalog.</summary>
    CatalogSync,
}

/// <summary>Who is waiting for a task; the greater goes first.</summary>
public enum SyncTaskPriority
{
    Background,
    Normal,

    /// <summary>Something was written here and wants to go out.</summary>
    Change,

    /// <summary>A person waits.</summary>
    User,
}

/// <summary>What a task uses while it runs.</summary>
[Flags]
public enum SyncResources
{
    None = 0,
    Network = 1,
    Sqlite = 2,
}

/// <summary>A task as the scheduler sees it.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Priority">Who waits for it.</param>
/// <param name="Needs">What it uses.</param>
/// <param name="Key">Waiting tasks of one kind and key are one task; null: never joined.</param>
public sealed record SyncTask(SyncTaskKind Kind, SyncTaskPriority Priority, SyncResources Needs, string? Key = null)
{
    /// <summary>The database file whose SQLite it uses: the limit for SQLite is one for each file. Null: all that name none share one.</summary>
    public string? File { get; init; }
}

/// <summary>How much may run at a time.</summary>
public sealed class SchedulerLimits
{
    /// <summary>Tasks that use the network. Default 2.</summary>
    public int NetworkMax { get; set; } = 2;

    /// <summary>Tasks that use the SQLite of one file. Default 1.</summary>
    public int SqliteMax { get; set; } = 1;

    /// <summary>A waiting task is overtaken by at most so many that came after it. Default 8.</summary>
    public int OvertakenMax { get; set; } = 8;

    /// <summary>Waiting tasks; one more is refused. Default 1,000.</summary>
    public int WaitingMax { get; set; } = 1000;

    /// <summary>How long a task works before <see cref="SyncTurn.GiveWayAsync"/> looks whether another one is to go first; never one of the same kind on the same file, which waits for its end. Default 50 ms.</summary>
    public TimeSpan Slice { get; set; } = TimeSpan.FromMilliseconds(50);
}
