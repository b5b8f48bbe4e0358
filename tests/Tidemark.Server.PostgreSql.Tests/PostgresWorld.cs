using Npgsql;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Server.Storage;
using Tidemark.Testing.Postgres;
using Tidemark.Testing.Server;

namespace Tidemark.Server.PostgreSql.Tests;

/// <summary>A server on PostgreSQL, devices, and another program that speaks plain SQL.</summary>
public abstract class PostgresWorld : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _open = [];
    private SyncServer? _server;

    protected static SyncModel Model { get; } = new SyncModelBuilder()
        .Entity("boxes", e => e.Field("id", FieldType.Text).Field("name", FieldType.Text).Field("size", FieldType.Integer).Key("id").Unique("name"))
        .Entity("things", e => e.Field("id", FieldType.Integer).Field("box", FieldType.Text).Field("title", FieldType.Text).Key("id").ServerAssigned().Reference("box", "boxes"))
        .Entity("tags", e => e.Field("id", FieldType.Text, f => f with { Collation = Collation.NoCase }).Field("v", FieldType.Exact).Key("id"))
        .Build();

    protected static CancellationToken None => CancellationToken.None;

    protected string Schema { get; } = PostgresCluster.NewSchema();

    protected ServerEnvironment Environment { get; init; } = ServerEnvironment.System;

    protected PostgresServerStore Store => field ??= Kept(Stores.Open(Environment, Schema));

    protected SyncServer Server => _server ??= new SyncServer(Store, Environment, new ServerOptions());

    public virtual async ValueTask DisposeAsync()
    {
        _server?.Dispose();
        foreach (var open in _open)
        {
            await open.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    protected T Kept<T>(T open)
        where T : IAsyncDisposable
    {
        _open.Add(open);
        return open;
    }

    protected async Task<PushingDevice> DeviceAsync(string user = "anna", string store = "one")
    {
        var device = new PushingDevice(Server, Model, user, store);
        await Server.PutModelAsync(device.Caller, SyncModelJson.ToUtf8(Model), None);
        return device;
    }

    /// <summary>A connection of another program.</summary>
    protected async Task<NpgsqlConnection> ProgramAsync()
    {
        var connection = Kept(new NpgsqlConnection(PostgresCluster.Instance.ConnectionString + $";Search Path={Schema};Pooling=false"));
        await connection.OpenAsync(None);
        return connection;
    }

    protected Task<object?> SqlAsync(string sql) => SqlAsync(PostgresCluster.Instance.ConnectionString + $";Search Path={Schema}", sql);

    protected static async Task<object?> SqlAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
        await connection.OpenAsync(None);
        return await SqlAsync(connection, sql);
    }

    protected static async Task<object?> SqlAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 240 };
        return await command.ExecuteScalarAsync(None);
    }

    /// <summary>All changes of a user behind a cursor, and the next cursor.</summary>
    protected static async Task<(List<Change> Changes, string Cursor)> PullAsync(PushingDevice device, string? cursor = null, int? limit = null)
    {
        var changes = new List<Change>();
        while (true)
        {
            var page = await device.PageAsync(new ChangesRequest { Cursor = cursor, Limit = limit });
            changes.AddRange(page.Changes);
            cursor = page.Tail.NextCursor;
            if (!page.Tail.HasMore)
            {
                return (changes, cursor);
            }
        }
    }
}
