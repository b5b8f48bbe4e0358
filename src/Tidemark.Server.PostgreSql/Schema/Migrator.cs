using Npgsql;
using NpgsqlTypes;
using Tidemark.Model.Entities;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql.Schema;

/// <summary>Makes and alters tables, one node at a time: everything but indexes on tables that have rows is one transaction under the schema's advisory lock.</summary>
internal sealed class Migrator(NpgsqlDataSource source, string schema, TimeSpan giveWayAfter)
{
    /// <summary>Brings Tidemark's own tables to this version's format.</summary>
    /// <exception cref="InvalidOperationException">The schema was written by a newer server; nothing was changed.</exception>
    public async Task SetUpAsync(CancellationToken cancellationToken)
    {
        var migrations = SystemTables.Migrations(schema);
        if (await FormatAsync(cancellationToken).ConfigureAwait(false) is var found && found >= migrations.Count)
        {
            CheckNotNewer(found, migrations.Count);
            return;
        }

        await LockedAsync(
            async (run, scalar) =>
            {
                await run(SystemTables.CreateSchema(schema)).ConfigureAwait(false);
                await run(SystemTables.CreateFormat(schema)).ConfigureAwait(false);
                var format = (long)(await scalar($"SELECT coalesce(max(version), 0) FROM {schema}._tm_format").ConfigureAwait(false))!;
                CheckNotNewer(format, migrations.Count);
                for (; format < migrations.Count; format++)
                {
                    foreach (var statement in migrations[(int)format])
                    {
                        await run(statement).ConfigureAwait(false);
                    }

                    await run($"INSERT INTO {schema}._tm_format(version) VALUES ({format + 1})").ConfigureAwait(false);
                }
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The newest model and its version.</summary>
    public async Task<(SyncModel? Model, long Version)> ReadModelAsync(CancellationToken cancellationToken)
    {
        var command = source.CreateCommand($"SELECT version, model FROM {schema}._tm_model ORDER BY version DESC LIMIT 1");
        await using (command.ConfigureAwait(false))
        {
            var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                return await reader.ReadAsync(cancellationToken).ConfigureAwait(false) ? (SyncModelJson.Parse(reader.GetFieldValue<byte[]>(1)), reader.GetInt64(0)) : (null, 0);
            }
        }
    }

    /// <summary>Makes or grows the tables of a model that was derived from the model of a version.</summary>
    /// <exception cref="TransientStoreException">Another node has changed the model since.</exception>
    public async Task<long> PutModelAsync(SyncModel? from, long fromVersion, SyncModel to, CancellationToken cancellationToken)
    {
        await LockedAsync(
            async (run, scalar) =>
            {
                if ((long)(await scalar($"SELECT coalesce(max(version), 0) FROM {schema}._tm_model").ConfigureAwait(false))! != fromVersion)
                {
                    throw new TransientStoreException("Another node has changed the model meanwhile.");
                }

                foreach (var statement in to.Entities.SelectMany(type => Statements(from?.Find(type.Name), type)))
                {
                    await run(statement).ConfigureAwait(false);
                }

                await run($"INSERT INTO {schema}._tm_model(version, hash, model) VALUES ({fromVersion + 1}, $1, $2)", to.Hash, SyncModelJson.ToUtf8(to)).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);
        await IndexAsync(from, to, cancellationToken).ConfigureAwait(false);
        return fromVersion + 1;
    }

    private IEnumerable<string> Statements(EntityType? former, EntityType type)
    {
        var tables = new TypeTables(schema, type);
        var indexes = former is null ? tables.Indexes().Select(i => "CREATE INDEX IF NOT EXISTS " + i.Definition) : [];
        return (former is null ? tables.CreateStatements() : tables.GrowStatements(former)).Concat(indexes).Concat(tables.CaptureStatements());
    }

    // Of tables that may have rows, without a lock that stops writers: that cannot be part of a transaction. One that was broken off is made again.
    private async Task IndexAsync(SyncModel? from, SyncModel to, CancellationToken cancellationToken)
    {
        foreach (var type in to.Entities.Where(t => from?.Find(t.Name) is not null))
        {
            var before = new TypeTables(schema, from!.Find(type.Name)!).Indexes().Select(i => i.Name).ToHashSet(StringComparer.Ordinal);
            foreach (var (name, definition) in new TypeTables(schema, type).Indexes().Where(i => !before.Contains(i.Name)))
            {
                var broken = source.CreateCommand($"SELECT 1 FROM pg_index i WHERE i.indexrelid = to_regclass($1) AND NOT i.indisvalid");
                await using (broken.ConfigureAwait(false))
                {
                    broken.Parameters.Add(new NpgsqlParameter<string> { TypedValue = $"{schema}.{Columns.PgName.Quote(name)}" });
                    if (await broken.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false) is not null)
                    {
                        await RunAsync($"DROP INDEX CONCURRENTLY {schema}.{Columns.PgName.Quote(name)}", cancellationToken).ConfigureAwait(false);
                    }
                }

                await RunAsync("CREATE INDEX CONCURRENTLY IF NOT EXISTS " + definition, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task RunAsync(string sql, CancellationToken cancellationToken)
    {
        var command = source.CreateCommand(sql);
        await using (command.ConfigureAwait(false))
        {
            command.CommandTimeout = 0;
            await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<long> FormatAsync(CancellationToken cancellationToken)
    {
        var command = source.CreateCommand($"SELECT to_regclass({Columns.PgName.Literal(schema + "._tm_format")}) IS NOT NULL");
        await using (command.ConfigureAwait(false))
        {
            if (!(bool)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!)
            {
                return 0;
            }

            command.CommandText = $"SELECT coalesce(max(version), 0) FROM {schema}._tm_format";
            return (long)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
        }
    }

    private void CheckNotNewer(long found, long known)
    {
        if (found > known)
        {
            throw new InvalidOperationException($"The schema {schema} was written by a newer server (format {found}; this one knows {known}). Upgrade this program; nothing was changed.");
        }
    }

    // A change of a table gives way to whoever uses it: waiting for its lock, it would have everybody behind it wait too.
    private async Task LockedAsync(Func<RunStatement, Func<string, Task<object?>>, Task> work, CancellationToken cancellationToken)
    {
        var connection = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                async Task<object?> Scalar(string sql, params object[] values)
                {
                    var command = new NpgsqlCommand(sql, connection, transaction);
                    await using (command.ConfigureAwait(false))
                    {
                        command.CommandTimeout = 0;
                        foreach (var value in values)
                        {
                            command.Parameters.Add(new NpgsqlParameter { Value = value, NpgsqlDbType = value is byte[]? NpgsqlDbType.Bytea : NpgsqlDbType.Text });
                        }

                        return await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false);
                    }
                }

                await Scalar($"SELECT pg_advisory_xact_lock({SystemTables.LockNumber(schema)})").ConfigureAwait(false);
                await Scalar($"SELECT set_config('lock_timeout', '{(long)giveWayAfter.TotalMilliseconds}', true), set_config('client_min_messages', 'warning', true)").ConfigureAwait(false);
                await work((sql, values) => Scalar(sql, values), sql => Scalar(sql)).ConfigureAwait(false);
                await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private delegate Task RunStatement(string sql, params object[] values);
}
