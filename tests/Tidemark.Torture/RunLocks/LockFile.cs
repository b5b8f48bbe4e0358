using Microsoft.Data.Sqlite;
using Tidemark.Client.Adoption;
using Tidemark.Client.Environment;
using Tidemark.Sqlite;

namespace Tidemark.Torture.RunLocks;

/// <summary>
/// The file that all processes sync, with a log of its run lock: triggers of the file write down who had it before and after, in the transaction that changes it, so that
/// the log is in order and no one can leave anything out.
/// </summary>
internal static class LockFile
{
    private const string Schema = "CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, text TEXT)";
    private const string Log = """
        CREATE TABLE lock_log(seq INTEGER PRIMARY KEY AUTOINCREMENT, was TEXT, was_token INTEGER, owner TEXT, token INTEGER, at REAL);
        CREATE TABLE lock_work(claim INTEGER, owner TEXT, token INTEGER);
        CREATE TRIGGER log_lock AFTER UPDATE OF owner ON _tm_lock WHEN OLD.owner IS NOT NEW.owner BEGIN
          INSERT INTO lock_log(was, was_token, owner, token, at) VALUES(OLD.owner, OLD.token, NEW.owner, NEW.token, (julianday('now') - 2440587.5) * 86400000.0);
        END;
        CREATE TRIGGER log_work AFTER INSERT ON _tm_command BEGIN
          INSERT INTO lock_work(claim, owner, token) SELECT NEW.claim, owner, token FROM _tm_lock;
        END;
        """;

    public static void Make(string path)
    {
        using (var db = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true }))
        {
            Execute(db, Schema);
        }

        Adopter.Adopt(path, new AdoptionOptions(), SyncEnvironment.System);
        using var adopted = SqliteFile.Open(path, new OpenOptions());
        Execute(adopted, Log);
    }

    /// <summary>What the log says that may not be; and how often the lock was taken, and taken over from one that was killed.</summary>
    public static (int Runs, int TakenOver, double SlowestTakeOverMs) Check(string path, IReadOnlyDictionary<string, double> killed)
    {
        using var db = SqliteFile.Open(path, new OpenOptions { QueryOnly = true });
        var (runs, over, slowest, last) = (0, 0, 0.0, (Owner: (string?)null, Token: 0L));
        foreach (var change in Read(db))
        {
            if (change.Was != last.Owner || change.WasToken != last.Token)
            {
                throw new TortureException($"The lock of {last} was that of {change.Was} ({change.WasToken}) a moment later.");
            }

            if (change.Owner is not null)
            {
                runs++;
                if (change.Token != last.Token + 1)
                {
                    throw new TortureException($"{change.Owner} has token {change.Token} after {last.Token}.");
                }

                if (change.Was is { } was)
                {
                    if (!killed.TryGetValue(was[..was.LastIndexOf('#')], out var at))
                    {
                        throw new TortureException($"{change.Owner} took the lock while {was}, which is alive, had it.");
                    }

                    over++;
                    slowest = Math.Max(slowest, change.At - at);
                }
            }

            last = (change.Owner, change.Token);
        }

        return last.Owner is null ? (runs, over, slowest) : throw new TortureException($"{last.Owner} has left its lock.");
    }

    /// <summary>No command was frozen but by the owner of the lock.</summary>
    public static long CheckWork(string path)
    {
        using var db = SqliteFile.Open(path, new OpenOptions { QueryOnly = true });
        if (Number(db, "SELECT count(*) FROM lock_work WHERE owner IS NULL OR claim IS NOT token") is > 0 and var strange)
        {
            throw new TortureException($"{strange} commands were frozen without the lock.");
        }

        return Number(db, "SELECT count(*) FROM lock_work");
    }

    public static HashSet<string> Rows(string path)
    {
        using var db = SqliteFile.Open(path, new OpenOptions { QueryOnly = true });
        using var command = db.CreateCommand();
        command.CommandText = "SELECT id FROM notes";
        using var reader = command.ExecuteReader();
        var rows = new HashSet<string>(StringComparer.Ordinal);
        while (reader.Read())
        {
            rows.Add(reader.GetString(0));
        }

        return rows;
    }

    /// <summary>Who has the lock now.</summary>
    public static string? Owner(string path)
    {
        using var db = SqliteFile.Open(path, new OpenOptions { QueryOnly = true });
        using var command = db.CreateCommand();
        command.CommandText = "SELECT owner FROM _tm_lock";
        return command.ExecuteScalar() as string;
    }

    private static IEnumerable<(string? Was, long WasToken, string? Owner, long Token, double At)> Read(SqliteConnection db)
    {
        using var command = db.CreateCommand();
        command.CommandText = "SELECT was, was_token, owner, token, at FROM lock_log ORDER BY seq";
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            yield return (reader.IsDBNull(0) ? null : reader.GetString(0), reader.GetInt64(1), reader.IsDBNull(2) ? null : reader.GetString(2), reader.GetInt64(3), reader.GetDouble(4));
        }
    }

    private static long Number(SqliteConnection db, string sql)
    {
        using var command = db.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }

    private static void Execute(SqliteConnection db, string sql)
    {
        using var command = db.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
