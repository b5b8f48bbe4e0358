using System.Globalization;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Tidemark.Sqlite;

/// <summary>
/// Opens database files. Nothing in this process opens a database, its -wal or its -shm file by other means than SQLite:
/// closing any other descriptor of the file drops SQLite's locks and has lost committed rows.
/// </summary>
public static class SqliteFile
{
    /// <summary>Pages in the WAL (16 MB) after which the checkpointing connection moves them into the file: a large pull waits for the disk less often, and pages that change again are moved once.</summary>
    private const int CheckpointPages = 4000;

    /// <summary>What a connection that writes much keeps in memory, in KiB: a whole slice, so that no page is spilled into the WAL twice.</summary>
    private const int WriterCacheKib = 16 * 1024;
    private const int LinksMax = 40;
    private const int WalResetBugFixed = 3_051_003;

    // Each follows a lock that was waited for up to the busy timeout.
    private const int WalTriesMax = 20;

    /// <summary>The version of the loaded library, as 3.40.1.</summary>
    public static string LibraryVersion => raw.sqlite3_libversion().utf8_to_string();

    /// <summary>A warning when the loaded library has the WAL reset bug; null otherwise.</summary>
    public static string? VersionWarning => raw.sqlite3_libversion_number() >= WalResetBugFixed
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"SQLite {LibraryVersion} can lose commits when two processes checkpoint and write one file at once (fixed in 3.51.3). Tidemark checkpoints from one connection only; let other programs set wal_autocheckpoint=0, or use a newer SQLite.");

    /// <summary>An open connection, set up before it has read anything. The caller disposes it; it is not pooled.</summary>
    /// <exception cref="StoreException">The file is missing, not a database, damaged, not writable or busy.</exception>
    public static SqliteConnection Open(string path, OpenOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var file = CanonicalPath(path);
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = file,
            Mode = options.ReadOnly ? SqliteOpenMode.ReadOnly : options.CreateIfMissing ? SqliteOpenMode.ReadWriteCreate : SqliteOpenMode.ReadWrite,
            Pooling = false,

            // The provider's own retry loop sleeps in steps of 150 ms and never ends at 0; SQLite's busy handler does the waiting.
            DefaultTimeout = 1,
        }.ToString());
        try
        {
            connection.Open();
            SetUp(connection, options);
            if (options.Watch is { } watch)
            {
                StatementWatches.Attach(RawStatement.HandleOf(connection), watch);
                watch.Opened(connection);
            }

            return connection;
        }
        catch (SqliteException e)
        {
            connection.Dispose();
            throw SqliteTrouble.From(e, file);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The one name of a file, however it was spelt: absolute, symbolic links of file and folders resolved. The file need not exist.
    /// </summary>
    public static string CanonicalPath(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var rest = new Stack<string>();
        Push(rest, Path.GetFullPath(path), out var current);
        var links = 0;
        while (rest.TryPop(out var part))
        {
            var next = Path.Combine(current, part);
            var target = new FileInfo(next).LinkTarget;
            if (target is null)
            {
                current = next;
                continue;
            }

            if (++links > LinksMax)
            {
                throw new StoreException(StoreTrouble.CannotOpen, $"{path}: The symbolic links of this path lead in a circle. Correct the links.");
            }

            Push(rest, Path.GetFullPath(target, current), out current);
        }

        return current;
    }

    private static void Push(Stack<string> rest, string absolute, out string root)
    {
        root = Path.GetPathRoot(absolute)!;
        foreach (var part in absolute[root.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse())
        {
            rest.Push(part);
        }
    }

    private static void SetUp(SqliteConnection connection, OpenOptions options)
    {
        var db = RawStatement.HandleOf(connection);
        SqliteTrouble.Check(db, raw.sqlite3_busy_timeout(db, (int)options.BusyTimeout.TotalMilliseconds));
        _ = raw.sqlite3_extended_result_codes(db, 1);

        // The first read of the file: what is no database is found here and not in the middle of a run.
        Execute(connection, "SELECT count(*) FROM sqlite_master");
        if (!options.ReadOnly && options.WriteAheadLog)
        {
            EnterWal(connection, db);
        }

        Execute(connection, options.Checkpoints && !options.ReadOnly
            ? $"PRAGMA wal_autocheckpoint={CheckpointPages.ToString(CultureInfo.InvariantCulture)}"
            : "PRAGMA wal_autocheckpoint=0");
        if (options.Checkpoints)
        {
            Execute(connection, $"PRAGMA cache_size=-{WriterCacheKib.ToString(CultureInfo.InvariantCulture)}");
        }

        Execute(connection, options.Durability switch
        {
            Durability.Full => "PRAGMA synchronous=FULL",
            Durability.Normal => "PRAGMA synchronous=NORMAL",
            _ => "PRAGMA synchronous=OFF",
        });
        Execute(connection, options.ForeignKeys ? "PRAGMA foreign_keys=ON" : "PRAGMA foreign_keys=OFF");
        if (options.QueryOnly)
        {
            Execute(connection, "PRAGMA query_only=ON");
        }
    }

    // Another connection that changes the mode of the same new file makes SQLite say busy at once, whatever the busy timeout: a lock that is waited for tells when it is done.
    private static void EnterWal(SqliteConnection connection, sqlite3 db)
    {
        for (var tries = 1; !IsWal(connection); tries++)
        {
            if (raw.sqlite3_db_readonly(db, "main") == 1)
            {
                throw new StoreException(
                    StoreTrouble.ReadOnly,
                    $"{SqliteTrouble.FileOf(db)}: The file cannot be written. Give this user write permission to the file and its folder.",
                    resultCode: raw.SQLITE_READONLY);
            }

            try
            {
                Execute(connection, "PRAGMA journal_mode=WAL");
                return;
            }
            catch (StoreException e) when (e.Trouble == StoreTrouble.Busy && tries < WalTriesMax)
            {
                Execute(connection, "BEGIN IMMEDIATE");
                Execute(connection, "COMMIT");
            }
        }
    }

    private static bool IsWal(SqliteConnection connection)
    {
        using var current = new RawStatement(connection, "PRAGMA journal_mode");
        return current.Step() && string.Equals(current.ColumnText(0), "wal", StringComparison.Ordinal);
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var statement = new RawStatement(connection, sql);
        statement.Execute();
    }
}
