using Npgsql;
using Tidemark.Benchmarks.Rows;
using Tidemark.Model.Entities;
using Tidemark.Server;
using Tidemark.Server.Access;
using Tidemark.Server.PostgreSql;
using Tidemark.Testing.Postgres;

namespace Tidemark.Benchmarks.Postgres;

/// <summary>A PostgreSQL of this benchmark on loopback, and Tidemark's servers in this process on it, each with a schema of its own.</summary>
internal sealed class PostgresBackend : IAsyncDisposable
{
    private const string User = "bench";
    private const int SlowStatementSeconds = 900;
    private readonly PostgresCluster _cluster = new(isDurable: true);
    private readonly List<(SyncServer Server, PostgresServerStore Store)> _servers = [];

    private PostgresBackend() => Plain = NpgsqlDataSource.Create(_cluster.ConnectionString);

    /// <summary>What another program has: Npgsql and nothing else.</summary>
    public NpgsqlDataSource Plain { get; }

    public string ConnectionString => _cluster.ConnectionString;

    /// <returns>Null where PostgreSQL is not installed.</returns>
    public static async Task<PostgresBackend?> StartAsync(CancellationToken cancel)
    {
        if (!PostgresCluster.IsInstalled)
        {
            await Console.Error.WriteAsync("PostgreSQL is not installed, ");
            return null;
        }

        var backend = new PostgresBackend();

        // The tests read the log of statements; here it would be measured.
        await using var connection = new NpgsqlConnection(backend._cluster.ConnectionString + ";Pooling=false");
        await connection.OpenAsync(cancel);
        await using var quiet = new NpgsqlCommand("ALTER ROLE tidemark SET log_statement = 'none'", connection);
        await quiet.ExecuteNonQueryAsync(cancel);
        return backend;
    }

    /// <summary>An empty space in tables of its own.</summary>
    public async Task<PostgresSpace> NewSpaceAsync(string schema, CancellationToken cancel)
    {
        var environment = ServerEnvironment.System;
        var options = new ServerOptions();
        var store = await PostgresServerStore.OpenAsync(new PostgresOptions { ConnectionString = _cluster.ConnectionString, Schema = schema }, environment, cancel);
        var server = new SyncServer(store, environment, options, new AccessService(store, options.Access, environment));
        _servers.Add((server, store));
        var space = new PostgresSpace(server, User, $"{schema}.{BenchTable.Name}");
        await server.PutModelAsync(space.Caller, SyncModelJson.ToUtf8(WireTable.Model), cancel);
        return space;
    }

    public async Task ExecuteAsync(string sql, CancellationToken cancel)
    {
        await using var command = Plain.CreateCommand(sql);
        command.CommandTimeout = SlowStatementSeconds;
        await command.ExecuteNonQueryAsync(cancel);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (server, store) in _servers)
        {
            server.Dispose();
            await store.DisposeAsync();
        }

        await Plain.DisposeAsync();
        NpgsqlConnection.ClearAllPools();
        _cluster.Dispose();
    }
}
