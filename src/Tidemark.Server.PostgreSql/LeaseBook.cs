using Npgsql;
using Tidemark.Model.Values;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql;

/// <summary>The lease book: small, and common to all spaces. It is read whole and changed under a lock of the table.</summary>
internal sealed class LeaseBook(NpgsqlDataSource source, string schema)
{
    public async Task<List<StoredLease>> ReadAsync(CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            return await ReadAsync(connection, cancellationToken).ConfigureAwait(false);
        }
    }

    public async Task<T> ChangeAsync<T>(Func<IReadOnlyList<StoredLease>, (List<StoredLease> Book, T Result)> change, CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                var lockTable = new NpgsqlCommand($"LOCK TABLE {schema}._tm_lease IN SHARE ROW EXCLUSIVE MODE", connection, transaction);
                await using (lockTable.ConfigureAwait(false))
                {
                    await lockTable.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
                }

                var before = await ReadAsync(connection, cancellationToken).ConfigureAwait(false);
                var (book, result) = change(before);
                await WriteAsync(connection, transaction, before, book, cancellationToken).ConfigureAwait(false);
                await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
                return result;
            }
        }
    }

    private async Task<List<StoredLease>> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand($"SELECT id, user_id, device, state, since, expires FROM {schema}._tm_lease ORDER BY since, id", connection);
        await using (command.ConfigureAwait(false))
        {
            var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                var book = new List<StoredLease>();
                while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    book.Add(new StoredLease(reader.GetGuid(0), new UserId(reader.GetString(1)), reader.GetString(2), Enum.Parse<LeaseState>(reader.GetString(3), ignoreCase: true), reader.GetInt64(4), reader.GetInt64(5)));
                }

                return book;
            }
        }
    }

    private async Task WriteAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, List<StoredLease> before, List<StoredLease> after, CancellationToken cancellationToken)
    {
        var batch = new NpgsqlBatch(connection, transaction);
        await using (batch.ConfigureAwait(false))
        {
            foreach (var gone in before.Except(after))
            {
                batch.BatchCommands.Add(new NpgsqlBatchCommand($"DELETE FROM {schema}._tm_lease WHERE id = $1") { Parameters = { Of(gone.Id) } });
            }

            foreach (var lease in after.Except(before))
            {
                batch.BatchCommands.Add(new NpgsqlBatchCommand($"INSERT INTO {schema}._tm_lease(id, user_id, device, state, since, expires) VALUES ($1, $2, $3, $4, $5, $6)")
                {
                    Parameters = { Of(lease.Id), Of(lease.User.Value), Of(lease.Device), Of(lease.State.ToString().ToUpperInvariant()), Of(lease.Since), Of(lease.Expires) },
                });
            }

            if (batch.BatchCommands.Count > 0)
            {
                await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static NpgsqlParameter<T> Of<T>(T value) => new() { TypedValue = value };
}
