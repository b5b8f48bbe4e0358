using Npgsql;
using NpgsqlTypes;
using Tidemark.Model.Values;
using Tidemark.Server.Access;

namespace Tidemark.Server.PostgreSql;

/// <summary>Access books: one for each user, under the user's own space. A line without a kind is the book's lock.</summary>
internal sealed class AccessBooks(NpgsqlDataSource source, string schema)
{
    public async Task<List<AccessEntry>> ReadAsync(SpaceId space, CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            return await ReadAsync(connection, space, cancellationToken).ConfigureAwait(false);
        }
    }

    public async Task<T> ChangeAsync<T>(SpaceId space, Func<IReadOnlyList<AccessEntry>, (IReadOnlyList<AccessEntry> Book, T Result)> change, CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                await LockAsync(connection, transaction, space, cancellationToken).ConfigureAwait(false);
                var before = await ReadAsync(connection, space, cancellationToken).ConfigureAwait(false);
                var (book, result) = change(before);
                await WriteAsync(connection, transaction, space, before, book, cancellationToken).ConfigureAwait(false);
                await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
                return result;
            }
        }
    }

    private async Task LockAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, SpaceId space, CancellationToken cancellationToken)
    {
        var batch = new NpgsqlBatch(connection, transaction);
        await using (batch.ConfigureAwait(false))
        {
            foreach (var sql in new[]
            {
                $"INSERT INTO {schema}._tm_access(space_id, kind, id, value, expires) VALUES ($1, '', '', '', 0) ON CONFLICT DO NOTHING",
                $"SELECT 1 FROM {schema}._tm_access WHERE space_id = $1 AND kind = '' AND id = '' FOR UPDATE",
            })
            {
                batch.BatchCommands.Add(new NpgsqlBatchCommand(sql) { Parameters = { new NpgsqlParameter<string> { TypedValue = space.Value } } });
            }

            await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<List<AccessEntry>> ReadAsync(NpgsqlConnection connection, SpaceId space, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand($"SELECT kind, id, value, expires FROM {schema}._tm_access WHERE space_id = $1 AND kind <> ''", connection);
        await using (command.ConfigureAwait(false))
        {
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = space.Value });
            var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                var book = new List<AccessEntry>();
                while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    book.Add(new AccessEntry(reader.GetString(0), reader.GetString(1), reader.GetString(2), reader.GetInt64(3)));
                }

                return book;
            }
        }
    }

    private async Task WriteAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, SpaceId space, List<AccessEntry> before, IReadOnlyList<AccessEntry> after, CancellationToken cancellationToken)
    {
        var gone = before.ExceptBy(after.Select(e => (e.Kind, e.Id)), e => (e.Kind, e.Id)).ToArray();
        var put = after.Except(before).ToArray();
        var batch = new NpgsqlBatch(connection, transaction);
        await using (batch.ConfigureAwait(false))
        {
            if (gone.Length > 0)
            {
                Add(
                    batch, $"DELETE FROM {schema}._tm_access a USING unnest($2::text[], $3::text[]) AS u(kind, id) WHERE a.space_id = $1 AND a.kind = u.kind AND a.id = u.id", space,
                    Texts(gone.Select(e => e.Kind)), Texts(gone.Select(e => e.Id)));
            }

            if (put.Length > 0)
            {
                Add(
                    batch,
                    $"INSERT INTO {schema}._tm_access(space_id, kind, id, value, expires) SELECT $1, u.kind, u.id, u.value, u.expires FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS u(kind, id, value, expires) ON CONFLICT (space_id, kind, id) DO UPDATE SET value = excluded.value, expires = excluded.expires",
                    space, Texts(put.Select(e => e.Kind)), Texts(put.Select(e => e.Id)), Texts(put.Select(e => e.Value)), new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint, Value = put.Select(e => e.Expires).ToArray() });
            }

            if (batch.BatchCommands.Count > 0)
            {
                await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static void Add(NpgsqlBatch batch, string sql, SpaceId space, params NpgsqlParameter[] parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = space.Value });
        command.Parameters.AddRange(parameters);
        batch.BatchCommands.Add(command);
    }

    private static NpgsqlParameter Texts(IEnumerable<string> values) => new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text, Value = values.ToArray() };
}
