using Tidemark.Server.PostgreSql;
using Tidemark.Server.Sqlite;
using Tidemark.Server.Storage;
using Tidemark.Testing;
using Tidemark.Testing.Postgres;

namespace Tidemark.Server.Tests.Http;

internal static class Stores
{
    /// <summary>The store of a server's folder, as `tidemark serve` opens it: SQLite, or the engine that this run is for.</summary>
    public static IServerStore Open(string folder)
    {
        if (TestStore.IsPostgres)
        {
            var options = new PostgresOptions { ConnectionString = PostgresCluster.Instance.ConnectionString, Schema = TestStore.SchemaOf(folder) };
            return PostgresServerStore.OpenAsync(options, ServerEnvironment.System, CancellationToken.None).GetAwaiter().GetResult();
        }

        SystemSqlite.Use();
        return SqliteServerStore.Open(Path.Combine(folder, "server.db"), ServerEnvironment.System);
    }
}
