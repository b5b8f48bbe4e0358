using System.CommandLine;
using System.Data.Common;
using Tidemark.Cli.Running;
using Tidemark.Server;
using Tidemark.Server.PostgreSql;

namespace Tidemark.Cli.Serving;

/// <summary>`--postgres`: where the server's data is, when it is not in a folder.</summary>
internal static class StoreOption
{
    private const string SearchPath = "Search Path";

    public static Option<string?> Create() => new("--postgres")
    {
        Description = "Keep data and keys in PostgreSQL, shared by any number of nodes: Npgsql's connection string. A Search Path names the schema; without one it is tidemark.",
        HelpName = "CONNECTION",
    };

    public static async Task<PostgresServerStore> OpenAsync(string connection, ServerEnvironment environment, CancellationToken cancellationToken)
    {
        try
        {
            // Nothing may depend on a session: the schema is put into every statement.
            var settings = new DbConnectionStringBuilder { ConnectionString = connection };
            var schema = settings.TryGetValue(SearchPath, out var path) ? path.ToString()!.Split(',')[0].Trim() : null;
            settings.Remove(SearchPath);
            var options = schema is null ? new PostgresOptions { ConnectionString = settings.ConnectionString } : new PostgresOptions { ConnectionString = settings.ConnectionString, Schema = schema };
            return await PostgresServerStore.OpenAsync(options, environment, cancellationToken);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            throw VerbException.Usage("--postgres: " + e.Message);
        }
    }
}
