using Tidemark.Server.Storage;
using Tidemark.Testing.Postgres;

namespace Tidemark.Server.PostgreSql.Tests;

/// <summary>Stores in schemas of their own on the test run's PostgreSQL.</summary>
internal static class Stores
{
    public static PostgresServerStore Open(ServerEnvironment environment, string? schema = null) =>
        PostgresServerStore.OpenAsync(OptionsOf(schema ?? PostgresCluster.NewSchema()), environment, CancellationToken.None).GetAwaiter().GetResult();

    public static PostgresOptions OptionsOf(string schema) => new() { ConnectionString = PostgresCluster.Instance.ConnectionString, Schema = schema };
}
