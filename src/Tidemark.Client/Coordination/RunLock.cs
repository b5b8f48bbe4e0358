using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;

namespace Tidemark.Client.Coordination;

/// <summary>
/// One sync per database file, over all instances and processes: a row with owner, heartbeat, expiry and a rising token.
/// A holder that crashed is taken over at once on the same machine, else when its lock expires; the token fences it off.
/// </summary>
public sealed class RunLock(StoreConnection db, SyncEnvironment environment)
{
    /// <summary>How long a lock holds without a heartbeat; longer than any wait for the network.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(3);

    // The clocks of two processes may differ a little.
    private static readonly TimeSpan _leftMax = Lifetime + TimeSpan.FromSeconds(5);

    /// <summary>The token, or null when somebody else holds the lock.</summary>
    public long? TryTake()
    {
        db.Execute("PRAGMA synchronous = NORMAL"); // A power loss ends whoever holds the lock, too.
        using var turn = db.EnterGate();
        db.Execute("BEGIN IMMEDIATE");
        try
        {
            var (owner, expiresMs) = Read();
            if (owner is not null && Holds(expiresMs) && environment.IsAlive(ProcessOf(owner)))
            {
                db.Execute("ROLLBACK");
                return null;
            }

            var now = environment.NowMs;
            db.Execute("UPDATE _tm_lock SET owner = ?1, token = token + 1, heartbeat_ms = ?2, expires_ms = ?3 WHERE id = 1",
                Value.Text(environment.ProcessName + "#" + environment.NewId().ToString("N")), Value.Integer(now), Value.Integer(now + (long)Lifetime.TotalMilliseconds));
            var token = db.ScalarInt64("SELECT token FROM _tm_lock WHERE id = 1");
            db.Execute("COMMIT");
            return token;
        }
        catch
        {
            RollbackIfOpen();
            throw;
        }
    }

    /// <summary>The token, as soon as nobody else holds the lock.</summary>
    /// <exception cref="SyncException">AlreadyRunning: somebody held it for all that time.</exception>
    public async Task<long> TakeAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        var started = environment.Time.GetTimestamp();
        while (true)
        {
            if (TryTake() is { } token)
            {
                return token;
            }

            if (environment.Time.GetElapsedTime(started) >= wait)
            {
                throw new SyncException(SyncErrorCode.AlreadyRunning, $"{Holder()} is syncing this file; try again when it has ended.", retryable: true);
            }

            await environment.DelayAsync(TimeSpan.FromMilliseconds(50 + (100 * environment.NextDouble())), cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Inside a transaction of the holder: not before the lock's time is half over does it cost a write.</summary>
    public static void Heartbeat(StoreConnection db, SyncEnvironment environment)
    {
        var now = environment.NowMs;
        var left = db.ScalarInt64("SELECT expires_ms FROM _tm_lock WHERE id = 1") - now;
        if (left < Lifetime.TotalMilliseconds / 2 || left > _leftMax.TotalMilliseconds)
        {
            db.Execute("UPDATE _tm_lock SET heartbeat_ms = ?1, expires_ms = ?2 WHERE id = 1", Value.Integer(now), Value.Integer(now + (long)Lifetime.TotalMilliseconds));
        }
    }

    /// <summary>Between two transactions of the holder; nothing happens when the lock was taken over.</summary>
    public static void Renew(StoreConnection db, long token, SyncEnvironment environment)
    {
        using var turn = db.EnterGate();
        var now = environment.NowMs;
        db.Execute("UPDATE _tm_lock SET heartbeat_ms = ?1, expires_ms = ?2 WHERE id = 1 AND token = ?3 AND owner IS NOT NULL", Value.Integer(now), Value.Integer(now + (long)Lifetime.TotalMilliseconds), Value.Integer(token));
    }

    /// <summary>Gives the lock back; nothing happens when it was taken over.</summary>
    public static void Release(StoreConnection db, long token)
    {
        using var turn = db.EnterGate();
        db.Execute("UPDATE _tm_lock SET owner = NULL, expires_ms = 0 WHERE id = 1 AND token = ?1", Value.Integer(token));
    }

    /// <summary>Who holds the lock; null when nobody does.</summary>
    public string? Holder() => Read() is { Owner: { } owner, ExpiresMs: var expires } && Holds(expires) ? owner : null;

    /// <summary>Who left the lock without giving it back: its process has ended, or its time is over. Null: nobody.</summary>
    public string? LeftBy() => Read() is { Owner: { } owner, ExpiresMs: var expires } && !(Holds(expires) && environment.IsAlive(ProcessOf(owner))) ? owner : null;

    // A lock that is to hold for longer than locks do was taken before the clock was set back.
    private bool Holds(long expiresMs) => expiresMs - environment.NowMs is > 0 and var left && left <= _leftMax.TotalMilliseconds;

    private (string? Owner, long ExpiresMs) Read() =>
        db.Query("SELECT owner, expires_ms FROM _tm_lock WHERE id = 1", s => (s.TextOrNull(0), s.ColumnInt64(1))).Single();

    private static string ProcessOf(string owner) => owner[..owner.LastIndexOf('#')];

    private void RollbackIfOpen()
    {
        if (SQLitePCL.raw.sqlite3_get_autocommit(db.Connection.Handle) == 0)
        {
            db.Execute("ROLLBACK");
        }
    }
}
