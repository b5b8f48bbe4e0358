using System.Data;
using Npgsql;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Server.Access;
using Tidemark.Server.Health;
using Tidemark.Server.Live;
using Tidemark.Server.PostgreSql.Connections;
using Tidemark.Server.PostgreSql.Health;
using Tidemark.Server.PostgreSql.Reading;
using Tidemark.Server.PostgreSql.Schema;
using Tidemark.Server.PostgreSql.Writing;
using Tidemark.Server.Storage;

namespace Tidemark.Server.PostgreSql;

/// <summary>Storage in PostgreSQL, shared by any number of nodes. Nothing is kept in a session between transactions.</summary>
public sealed class PostgresServerStore : IServerStore, IAccessStore
{
    // Pages and pushes are megabytes: with the driver's 8 KiB every twenty rows were a call to the system.
    private const int BufferBytes = 64 * 1024;
    private readonly NpgsqlDataSource _source;
    private readonly PostgresOptions _options;
    private readonly ServerEnvironment _environment;
    private readonly Migrator _migrator;
    private readonly LeaseBook _leases;
    private readonly AccessBooks _access;
    private readonly TypeCatalog _types;
    private readonly SpaceTurns _turns = new();
    private readonly string _settings;
    private volatile KnownModel _model = new(null, 0);

    private PostgresServerStore(NpgsqlDataSource source, PostgresOptions options, ServerEnvironment environment)
    {
        _source = source;
        _options = options;
        _environment = environment;
        _migrator = new Migrator(source, options.Schema, options.GiveWayAfter);
        _leases = new LeaseBook(source, options.Schema);
        _access = new AccessBooks(source, options.Schema);
        _types = new TypeCatalog(options.Schema);
        Health = new PostgresHealthStore(source, options);
        Nodes = new NodeHints(source, options, environment.NewId().ToString("N"));
        _settings = OwnSettings.Statement(options.StatementTimeout);
    }

    /// <summary>Connects, and makes or upgrades Tidemark's tables.</summary>
    /// <exception cref="InvalidOperationException">An option is wrong, or the schema is a newer server's.</exception>
    /// <exception cref="ServerException">The database cannot be reached.</exception>
    public static async Task<PostgresServerStore> OpenAsync(PostgresOptions options, ServerEnvironment environment, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(environment);
        options.Validate();
        var source = new NpgsqlDataSourceBuilder(new NpgsqlConnectionStringBuilder(options.ConnectionString) { NoResetOnClose = true, Enlist = false, ReadBufferSize = BufferBytes, WriteBufferSize = BufferBytes }.ConnectionString).Build();
        try
        {
            var store = new PostgresServerStore(source, options, environment);
            await StoreRetries.RunAsync(environment, () => PgErrors.GuardAsync(async () =>
            {
                await store._migrator.SetUpAsync(cancellationToken).ConfigureAwait(false);
                await store.ReadModelAsync(cancellationToken).ConfigureAwait(false);
                return true;
            }).AsTask(), cancellationToken).ConfigureAwait(false);
            return store;
        }
        catch
        {
            await source.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public INodeHints? Nodes { get; }

    /// <summary>Samples in the same schema, over the same connections; it ends with this store.</summary>
    public IHealthStore Health { get; }

    public async ValueTask<SyncModel?> GetModelAsync(CancellationToken cancellationToken)
    {
        if (_model.Model is null)
        {
            await AgainAsync(() => ReadModelAsync(cancellationToken), cancellationToken).ConfigureAwait(false);
        }

        return _model.Model;
    }

    public async ValueTask PutModelAsync(SyncModel model, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        var known = _model;
        try
        {
            var version = await PgErrors.GuardAsync(() => _migrator.PutModelAsync(known.Model, known.Version, model, cancellationToken)).ConfigureAwait(false);
            _model = new KnownModel(model, version);
        }
        catch (TransientStoreException)
        {
            await PgErrors.GuardAsync(() => ReadModelAsync(cancellationToken)).ConfigureAwait(false);
            throw;
        }
    }

    public ValueTask<long> CountRowsAsync(EntityType type, CancellationToken cancellationToken) =>
        ScalarAsync<long>($"SELECT count(*) FROM {_types.Of(type).Tables.Live}", [], cancellationToken);

    public async ValueTask<byte[]> KeepSecretAsync(string name, byte[] proposed, CancellationToken cancellationToken)
    {
        await ScalarAsync<object?>($"INSERT INTO {_options.Schema}._tm_secret(name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", [name, proposed], cancellationToken).ConfigureAwait(false);
        return await ScalarAsync<byte[]>($"SELECT value FROM {_options.Schema}._tm_secret WHERE name = $1", [name], cancellationToken).ConfigureAwait(false);
    }

    public ValueTask<IReadOnlyList<byte[]>> ReadSecretsAsync(string prefix, CancellationToken cancellationToken) =>
        ListAsync($"SELECT value FROM {_options.Schema}._tm_secret WHERE starts_with(name, $1)", [prefix], r => r.GetFieldValue<byte[]>(0), cancellationToken);

    public async ValueTask AloneAsync(string name, Func<Task> work, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(work);
        var connection = await PgErrors.GuardAsync(async () => await _source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            // The lock ends with the transaction, however that ends.
            var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                var command = new NpgsqlCommand("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", connection, transaction);
                await using (command.ConfigureAwait(false))
                {
                    command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = $"tidemark:{_options.Schema}:{name}" });
                    await PgErrors.GuardAsync(() => command.ExecuteNonQueryAsync(cancellationToken)).ConfigureAwait(false);
                }

                await work().ConfigureAwait(false);
            }
        }
    }

    public ValueTask<IReadOnlyList<SpaceId>> GetSpacesAsync(CancellationToken cancellationToken) =>
        ListAsync($"SELECT space_id FROM {_options.Schema}._tm_space ORDER BY space_id", [], r => new SpaceId(r.GetString(0)), cancellationToken);

    public ValueTask<IReadOnlyList<Membership>> ReadMembershipsAsync(UserId user, CancellationToken cancellationToken) =>
        ListAsync(SharingStatements.MembershipsOf(_options.Schema), [user.Value], SharingStatements.MembershipAt, cancellationToken);

    public async ValueTask<IReadOnlyList<StoredLease>> ReadLeasesAsync(CancellationToken cancellationToken) =>
        await AgainAsync(() => _leases.ReadAsync(cancellationToken), cancellationToken).ConfigureAwait(false);

    public ValueTask<T> ChangeLeasesAsync<T>(Func<IReadOnlyList<StoredLease>, (List<StoredLease> Book, T Result)> change, CancellationToken cancellationToken) =>
        AgainAsync(() => _leases.ChangeAsync(change, cancellationToken), cancellationToken);

    public async ValueTask<IReadOnlyList<AccessEntry>> ReadAccessAsync(SpaceId space, CancellationToken cancellationToken) =>
        await AgainAsync(() => _access.ReadAsync(space, cancellationToken), cancellationToken).ConfigureAwait(false);

    public ValueTask<T> ChangeAccessAsync<T>(SpaceId space, Func<IReadOnlyList<AccessEntry>, (IReadOnlyList<AccessEntry> Book, T Result)> change, CancellationToken cancellationToken) =>
        AgainAsync(() => _access.ChangeAsync(space, change, cancellationToken), cancellationToken);

    public ValueTask<IReadOnlyList<(SpaceId Space, AccessEntry Entry)>> ReadAccessOfKindAsync(string kind, CancellationToken cancellationToken) => ListAsync(
        $"SELECT kind, id, value, expires, space_id FROM {_options.Schema}._tm_access WHERE kind = $1 ORDER BY space_id, id",
        [kind],
        r => (new SpaceId(r.GetString(4)), new AccessEntry(r.GetString(0), r.GetString(1), r.GetString(2), r.GetInt64(3))),
        cancellationToken);

    public ValueTask<IReadOnlyList<SpaceId>> GetAccessSpacesAsync(CancellationToken cancellationToken) =>
        ListAsync($"SELECT DISTINCT space_id FROM {_options.Schema}._tm_access ORDER BY space_id", [], r => new SpaceId(r.GetString(0)), cancellationToken);

    public ValueTask<IStoreSnapshot> ReadAsync(SpaceId space, CancellationToken cancellationToken) => PgErrors.GuardAsync<IStoreSnapshot>(async () =>
    {
        var session = await PgSession.BeginAsync(_source, IsolationLevel.RepeatableRead, cancellationToken).ConfigureAwait(false);
        try
        {
            SpaceState? state = null;
            var version = 0L;
            await session.RunAsync(
                [SpaceQueries.State(_options.Schema, space), SpaceQueries.ModelVersion(_options.Schema), new NpgsqlBatchCommand(_settings)],
                async (i, reader, token) =>
                {
                    if (i == 0)
                    {
                        state = await SpaceQueries.StateAtAsync(reader, token).ConfigureAwait(false);
                    }
                    else if (i == 1 && await reader.ReadAsync(token).ConfigureAwait(false))
                    {
                        version = reader.GetInt64(0);
                    }
                },
                cancellationToken).ConfigureAwait(false);
            return new PgSnapshot(session, _types, space, await ModelOfAsync(version, cancellationToken).ConfigureAwait(false), state);
        }
        catch
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    });

    public ValueTask<IStoreTransaction> WriteAsync(SpaceId space, Position atLeast, CancellationToken cancellationToken) => WriteAsync(space, atLeast, new StoreExpectation(), cancellationToken);

    public async ValueTask<IStoreTransaction> WriteAsync(SpaceId space, Position atLeast, StoreExpectation expected, CancellationToken cancellationToken)
    {
        var turn = await _turns.TakeAsync(space, cancellationToken).ConfigureAwait(false);
        try
        {
            return await PgErrors.GuardAsync<IStoreTransaction>(async () =>
                await BeginAsync(space, atLeast, expected, turn, cancellationToken).ConfigureAwait(false)
                    ?? await BeginAsync(space, atLeast, expected, turn, cancellationToken).ConfigureAwait(false)
                    ?? throw new TransientStoreException("The space was made and is not there.")).ConfigureAwait(false);
        }
        catch
        {
            turn.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync() => await _source.DisposeAsync().ConfigureAwait(false);

    // Null: the space was not there, and has been made.
    private async Task<PgTransaction?> BeginAsync(SpaceId space, Position atLeast, StoreExpectation expected, IDisposable turn, CancellationToken cancellationToken)
    {
        var session = await PgSession.BeginAsync(_source, IsolationLevel.ReadCommitted, cancellationToken).ConfigureAwait(false);
        try
        {
            SpaceState? state = null;
            var version = 0L;
            var transaction = new PgTransaction(session, _types, space, _environment, turn);
            var reads = transaction.Plan(expected);
            List<NpgsqlBatchCommand> commands =
            [
                new NpgsqlBatchCommand(_settings),
                SpaceStatements.TakeTurn(_options.Schema, space),
                SpaceQueries.StateAndModel(_options.Schema, space),
                new NpgsqlBatchCommand($"SELECT set_config('lock_timeout', '{(long)_options.GiveWayAfter.TotalMilliseconds}', true)"),
            ];
            var first = commands.Count;
            commands.AddRange(reads.Select(r => r.Command));
            await session.RunAsync(
                commands,
                async (i, reader, token) =>
                {
                    if (i == 2)
                    {
                        (state, version) = await SpaceQueries.StateAndModelAtAsync(reader, token).ConfigureAwait(false);
                    }
                    else if (i >= first)
                    {
                        await reads[i - first].Read(reader, token).ConfigureAwait(false);
                    }
                },
                cancellationToken).ConfigureAwait(false);
            if (state is not null)
            {
                transaction.Begin(await ModelOfAsync(version, cancellationToken).ConfigureAwait(false), state, atLeast);
                await transaction.ReadPlannedAsync(cancellationToken).ConfigureAwait(false);
                return transaction;
            }

            await session.RunAsync(
                [.. SpaceStatements.MakeSpace(_options.Schema, space, _environment.NewToken(), _environment.NewToken())], (_, _, _) => Task.CompletedTask, cancellationToken).ConfigureAwait(false);
            await session.CommitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        await session.DisposeAsync().ConfigureAwait(false);
        return null;
    }

    // Another node may have registered a newer one.
    private async ValueTask<SyncModel?> ModelOfAsync(long version, CancellationToken cancellationToken)
    {
        if (_model.Version != version)
        {
            await ReadModelAsync(cancellationToken).ConfigureAwait(false);
        }

        return _model.Model;
    }

    private async Task<bool> ReadModelAsync(CancellationToken cancellationToken)
    {
        var (model, version) = await _migrator.ReadModelAsync(cancellationToken).ConfigureAwait(false);
        if (_model.Version != version)
        {
            _model = new KnownModel(model, version);
        }

        return true;
    }

    private ValueTask<IReadOnlyList<T>> ListAsync<T>(string sql, object[] values, Func<NpgsqlDataReader, T> at, CancellationToken cancellationToken) => AgainAsync<IReadOnlyList<T>>(async () =>
    {
        var command = _source.CreateCommand(sql);
        await using (command.ConfigureAwait(false))
        {
            foreach (var value in values)
            {
                command.Parameters.Add(new NpgsqlParameter { Value = value });
            }

            var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                var list = new List<T>();
                while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    list.Add(at(reader));
                }

                return list;
            }
        }
    }, cancellationToken);

    private ValueTask<T> ScalarAsync<T>(string sql, object[] values, CancellationToken cancellationToken) => AgainAsync(async () =>
    {
        var command = _source.CreateCommand(sql);
        await using (command.ConfigureAwait(false))
        {
            foreach (var value in values)
            {
                command.Parameters.Add(new NpgsqlParameter { Value = value });
            }

            return (T)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
        }
    }, cancellationToken);

    // What may be done twice with the effect of once.
    private async ValueTask<T> AgainAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken) =>
        await StoreRetries.RunAsync(_environment, () => PgErrors.GuardAsync(work).AsTask(), cancellationToken).ConfigureAwait(false);

    private sealed record KnownModel(SyncModel? Model, long Version);
}
