using Microsoft.Data.Sqlite;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Health.Storage;

/// <summary>
/// Health data in a device's SQLite file: the samples of imported exports, the queue of what has to be sent, and the anchors. One connection of its own;
/// calls wait for each other. The tables are made when they are not there.
/// </summary>
public sealed class HealthStore : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly KeptStatements _statements;
    private readonly SemaphoreSlim _turn = new(1, 1);

    private HealthStore(string path, SqliteConnection connection, SyncEnvironment environment)
    {
        Path = path;
        _connection = connection;
        _statements = new KeptStatements(connection);
        Environment = environment;
        Samples = new SampleTable(_statements, connection);
        Queue = new UploadQueue(_statements, connection, environment);
        Known = new KnownTable(_statements, connection);
        Blobs = new BlobTable(connection, environment);
        States = new StateTable(connection, environment);
    }

    public string Path { get; }

    internal SyncEnvironment Environment { get; }

    internal SampleTable Samples { get; }

    internal UploadQueue Queue { get; }

    internal KnownTable Known { get; }

    internal StateTable States { get; }

    internal BlobTable Blobs { get; }

    /// <exception cref="StoreException">The file is in trouble, or of a newer version.</exception>
    public static HealthStore Open(string path, SyncEnvironment environment, Durability durability = Durability.Full)
    {
        ArgumentNullException.ThrowIfNull(environment);
        var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, ForeignKeys = false, Checkpoints = !IsStore(path), Durability = durability, Watch = environment.Statements });
        try
        {
            SetUp(connection, path);
            return new HealthStore(SqliteFile.CanonicalPath(path), connection, environment);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _statements.Dispose();
        _connection.Dispose();
        _turn.Dispose();
    }

    /// <summary>One durable commit, or nothing of it.</summary>
    internal async Task<T> WriteAsync<T>(Func<T> work, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return InTransaction(work);
        }
        finally
        {
            _turn.Release();
        }
    }

    internal async Task<T> ReadAsync<T>(Func<T> work, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return work();
        }
        finally
        {
            _turn.Release();
        }
    }

    internal List<Value[]> Query(string sql, params ReadOnlySpan<Value> values) => _connection.Query(sql, values);

    internal void Run(string sql, params ReadOnlySpan<Value> values) => _statements.Get(sql).BindAll(values).Execute();

    private T InTransaction<T>(Func<T> work)
    {
        _statements.Get("BEGIN IMMEDIATE").Execute();
        try
        {
            var result = work();
            _statements.Get("COMMIT").Execute();
            return result;
        }
        catch
        {
            if (!_connection.IsAutocommit())
            {
                _statements.Get("ROLLBACK").Execute();
            }

            Samples.Forget();
            throw;
        }
    }

    private static void SetUp(SqliteConnection connection, string path)
    {
        if (FormatOf(connection) < HealthSchema.FormatVersion)
        {
            connection.Run("BEGIN IMMEDIATE");
            var found = FormatOf(connection); // Another process may have been first.
            foreach (var statement in HealthSchema.UpgradeFrom(found))
            {
                connection.Run(statement);
            }

            if (found < HealthSchema.FormatVersion)
            {
                connection.Run("INSERT INTO _tm_health_meta(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value", Value.Text(HealthSchema.FormatKey), Value.Integer(HealthSchema.FormatVersion));
            }

            connection.Run("COMMIT");
        }

        Check(connection, path);
    }

    private static void Check(SqliteConnection connection, string path)
    {
        var format = connection.Scalar("SELECT value FROM _tm_health_meta WHERE key = ?1", Value.Text(HealthSchema.FormatKey));
        if (format.Kind != ValueKind.Integer || format.AsInteger != HealthSchema.FormatVersion)
        {
            throw new StoreException(StoreTrouble.NewerVersion, $"{path}: The health data in this file were written by another version (this one knows format {HealthSchema.FormatVersion}). Upgrade this program; nothing was changed.");
        }
    }

    // Beside synced tables the engine's connection alone moves the log into the file.
    private static bool IsStore(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        using var connection = SqliteFile.Open(path, new OpenOptions { ForeignKeys = false });
        return LocalStore.IsStore(connection);
    }

    // 0: the tables are not there.
    private static long FormatOf(SqliteConnection connection) =>
        connection.Scalar("SELECT count(*) FROM sqlite_master WHERE name = '_tm_health_meta'").AsInteger == 0
            ? 0
            : connection.Scalar("SELECT value FROM _tm_health_meta WHERE key = ?1", Value.Text(HealthSchema.FormatKey)) is { Kind: ValueKind.Integer } format ? format.AsInteger : long.MaxValue;
}
