namespace Tidemark.Sqlite;

/// <summary>What a commit survives.</summary>
public enum Durability
{
    /// <summary>Power loss: every commit waits for the disk.</summary>
    Full,

    /// <summary>A crash of the process; power loss may take the last commits but never damages the file.</summary>
    Normal,

    /// <summary>Nothing is promised: for files that can be made again.</summary>
    Off,
}

/// <summary>How a database file is opened.</summary>
public sealed class OpenOptions
{
    /// <summary>The file is not written, also not its journal mode. Default false.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>How long a call waits for another connection's lock. Default 10 s.</summary>
    public TimeSpan BusyTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Default <see cref="Tidemark.Sqlite.Durability.Full"/>.</summary>
    public Durability Durability { get; init; } = Durability.Full;

    /// <summary>Whether a missing file is made. Default false: a misspelt path is an error.</summary>
    public bool CreateIfMissing { get; init; }

    /// <summary>Whether SQLite checks foreign keys on this connection. Default true.</summary>
    public bool ForeignKeys { get; init; } = true;

    /// <summary>
    /// Whether this connection moves the WAL into the file. Default false: SQLite before 3.51.3 can lose commits when
    /// two connections checkpoint and write at once, so only the one writer of a file does it.
    /// </summary>
    public bool Checkpoints { get; init; }

    /// <summary>Refuse every write by statements of this connection (PRAGMA query_only) while it can still take part in the WAL. Default false.</summary>
    public bool QueryOnly { get; init; }

    /// <summary>Sees every statement of this connection. Default: nobody.</summary>
    public IStatementWatch? Watch { get; init; }

    /// <summary>Switch the file to WAL. Default true; left alone when <see cref="ReadOnly"/>.</summary>
    public bool WriteAheadLog { get; init; } = true;
}
