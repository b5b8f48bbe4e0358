using Microsoft.AspNetCore.Builder;
using Tidemark.Server;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.Leases;
using Tidemark.Server.PostgreSql;
using Microsoft.Extensions.DependencyInjection;
using Tidemark.Server.S3;
using Tidemark.Server.Snapshots;
using Tidemark.Server.Sqlite;
using Tidemark.Server.Sqlite.Health;
using Tidemark.Server.Storage;

namespace Tidemark.Cli.Serving;

/// <summary>Puts host, endpoints and storage together; the only place that knows all three.</summary>
internal static class ServerHost
{
    private const string DatabaseName = "tidemark.db";
    private const string HealthName = "tidemark-health.db";

    // From here on work is bulk, when the operator admits it by leases.
    private const int BulkCommands = 500;
    private const int BulkRows = 500;
    private const int BulkSamples = 500;

    /// <param name="settings">Where and what.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <param name="configure">Middleware between authentication and the endpoints.</param>
    public static async Task<WebApplication> StartAsync(ServerSettings settings, CancellationToken cancellationToken, Action<WebApplication>? configure = null)
    {
        var folder = Directory.CreateDirectory(settings.DataDirectory).FullName;
        var environment = ServerEnvironment.System;
        IServerStore store = settings.Postgres is { } connection
            ? await StoreOption.OpenAsync(connection, environment, cancellationToken)
            : SqliteServerStore.Open(Path.Combine(folder, DatabaseName), environment);
        var app = TidemarkHost.Create(new TidemarkHostOptions
        {
            Urls = settings.Urls,
            DataDirectory = folder,
            Store = store,
            Health = store is PostgresServerStore postgres ? postgres.Health : SqliteHealthStore.Open(Path.Combine(folder, HealthName)),
            BlobFolder = Path.Combine(folder, "blobs"),
            Blobs = settings.Blobs is { } place ? new S3Blobs(place) : null,
            KeysInStore = settings.Postgres is not null,
            Environment = environment,
            Server = new ServerOptions
            {
                Dev = settings.Dev,
                DrainTime = settings.Drain,
                TombstoneRetention = settings.Retention ?? new ServerOptions().TombstoneRetention,
                SnapshotFolder = Path.Combine(folder, "snapshots"),
                Leases = settings.Leases > 0 ? new LeaseOptions { Commands = BulkCommands, Rows = BulkRows, Samples = BulkSamples, LeasesMax = settings.Leases } : new LeaseOptions(),
            },
            ModelFile = settings.ModelFile,
            UserRequestsPerMinuteMax = settings.UserRate,
            AddressRequestsPerMinuteMax = settings.AddressRate,
            ShutdownTimeout = TimeSpan.FromSeconds(10),
            Configure = builder => builder.Services.AddSingleton<ISnapshotWriter, SqliteSnapshotWriter>(),
        });
        configure?.Invoke(app);
        await app.StartAsync(cancellationToken);
        return app;
    }
}
