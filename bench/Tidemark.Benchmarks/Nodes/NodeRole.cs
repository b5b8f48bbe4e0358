using Tidemark.Server;
using Tidemark.Server.AspNetCore;
using Tidemark.Server.PostgreSql;

namespace Tidemark.Benchmarks.Nodes;

/// <summary>One node, as `tidemark serve --postgres --dev` hosts it; says its address and ends with its input.</summary>
internal static class NodeRole
{
    public static async Task RunAsync(string folder, string connection, CancellationToken cancel)
    {
        await using var app = TidemarkHost.Create(new TidemarkHostOptions
        {
            Urls = ["http://127.0.0.1:0"],
            DataDirectory = folder,
            Store = await PostgresServerStore.OpenAsync(new PostgresOptions { ConnectionString = connection }, ServerEnvironment.System, cancel),
            KeysInStore = true,
            Environment = ServerEnvironment.System,
            Server = new ServerOptions { Dev = true },
        });
        await app.StartAsync(cancel);
        Console.WriteLine(app.Urls.Single());
        while (Console.ReadLine() is not null)
        {
        }
    }
}
