namespace Tidemark.Sqlite;

/// <summary>What is wrong with a database file or a statement on it.</summary>
public enum StoreTrouble
{
    Other,
    NotADatabase,
    Damaged,
    ReadOnly,
    Full,
    Busy,
    NewerVersion,
    ConstraintUnique,
    ConstraintNotNull,
    ConstraintCheck,
    ConstraintForeignKey,
    IoError,
    CannotOpen,
    SchemaMismatch,
}

/// <summary>Trouble with a database file. The message names the file, what SQLite said and the cure.</summary>
public sealed class StoreException : Exception
{
    public StoreException(StoreTrouble trouble, string message, Exception? inner = null, int resultCode = 0)
        : base(message, inner)
    {
        Trouble = trouble;
        ResultCode = resultCode;
    }

    public StoreTrouble Trouble { get; }

    /// <summary>SQLite's extended result code; 0 when Tidemark itself found the trouble.</summary>
    public int ResultCode { get; }

    /// <summary>The same call may succeed later without anyone changing it: the file was busy, or the disk full.</summary>
    public bool Retryable => Trouble is StoreTrouble.Busy or StoreTrouble.Full;

    /// <summary>A constraint of the app's tables refused the statement; the file is well.</summary>
    public bool IsConstraint => Trouble is StoreTrouble.ConstraintUnique or StoreTrouble.ConstraintNotNull
        or StoreTrouble.ConstraintCheck or StoreTrouble.ConstraintForeignKey;
}
