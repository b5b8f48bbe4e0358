using System.Data;
using Npgsql;

namespace Tidemark.Server.PostgreSql.Connections;

/// <summary>One transaction on a connection of the pool. Nothing outlives the transaction: a pooler may give the next one another connection.</summary>
internal sealed class PgSession : IAsyncDisposable
{
    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlTransaction _transaction;
    private Task _started = Task.CompletedTask;
    private bool _ended;

    private PgSession(NpgsqlConnection connection, NpgsqlTransaction transaction)
    {
        _connection = connection;
        _transaction = transaction;
    }

    public static async Task<PgSession> BeginAsync(NpgsqlDataSource source, IsolationLevel isolation, CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return new PgSession(connection, await connection.BeginTransactionAsync(isolation, cancellationToken).ConfigureAwait(false));
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public NpgsqlBatch Batch() => new(_connection, _transaction);

    /// <summary>Sends statements together; the reader is given the result of each that has one, in order.</summary>
    public async Task RunAsync(IReadOnlyList<NpgsqlBatchCommand> commands, Func<int, NpgsqlDataReader, CancellationToken, Task> read, CancellationToken cancellationToken)
    {
        await _started.ConfigureAwait(false);
        if (commands.Count == 0)
        {
            return;
        }

        var batch = Batch();
        await using (batch.ConfigureAwait(false))
        {
            foreach (var command in commands)
            {
                batch.BatchCommands.Add(command);
            }

            var reader = await batch.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                for (var i = 0; i < commands.Count; i++)
                {
                    if (HasResult(commands[i]))
                    {
                        await read(i, reader, cancellationToken).ConfigureAwait(false);
                        await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
                    }
                }

                // What comes behind the last result may fail too.
                while (await reader.NextResultAsync(cancellationToken).ConfigureAwait(false))
                {
                    continue;
                }
            }
        }
    }

    /// <summary>Nothing that was started is under way, and nothing has failed.</summary>
    public bool IsFree => _started.IsCompletedSuccessfully;

    /// <summary>Begins a COPY; whatever is asked of the connection next waits for its end, and is told how it failed.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="parts">What it takes; a part is done with when the next one is asked for, perhaps on another thread.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public void StartCopy(string sql, IEnumerable<ReadOnlyMemory<byte>> parts, CancellationToken cancellationToken) => _started = CopyAsync(_started, sql, parts, cancellationToken);

    private async Task CopyAsync(Task former, string sql, IEnumerable<ReadOnlyMemory<byte>> parts, CancellationToken cancellationToken)
    {
        await former.ConfigureAwait(false);
        var stream = await _connection.BeginRawBinaryCopyAsync(sql, cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            foreach (var part in parts)
            {
                await stream.WriteAsync(part, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    // The reader passes over statements that return no rows.
    public static bool HasResult(NpgsqlBatchCommand command) =>
        command.CommandText.StartsWith("WITH written", StringComparison.Ordinal) ||
        command.CommandText.StartsWith("SELECT", StringComparison.Ordinal) || command.CommandText.StartsWith("(SELECT", StringComparison.Ordinal) || command.CommandText.Contains(" RETURNING epoch", StringComparison.Ordinal);

    public async Task CommitAsync(CancellationToken cancellationToken)
    {
        await _started.ConfigureAwait(false);
        _ended = true;
        await _transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _started.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Told already to whoever waited for it.
        try
        {
            if (!_ended && _connection.State == ConnectionState.Open)
            {
                await _transaction.RollbackAsync(CancellationToken.None).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is NpgsqlException or IOException or InvalidOperationException or TimeoutException)
        {
            // The connection is gone, and the transaction with it: what made it go was told to whoever worked on it.
            _ended = true;
        }
        finally
        {
            await _transaction.DisposeAsync().ConfigureAwait(false);
            await _connection.DisposeAsync().ConfigureAwait(false);
        }
    }
}
