using System.CommandLine;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;

namespace Tidemark.Cli.PutAside;

internal static class AsideDiscardVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var type = new Argument<string>("TYPE") { Description = "The entity type." };
        var key = new Argument<string>("ID") { Description = "The row's key." };
        return Verb.Create("discard", "Give up a version that cannot stand here: this file stays without it until the server shows a newer one. A record keeps it (`conflicts DB`).", database, type, key)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(database), context.Get(type), context.Get(key), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, string type, string key, CancellationToken cancellationToken)
    {
        await using var store = Stores.Open(path);
        var item = new StoreInspector(store).Aside().FirstOrDefault(a => a.Type == type && (a.Key == key || a.Key == System.Text.Json.JsonSerializer.Serialize(key)))
            ?? throw VerbException.Failed("NOT_FOUND", $"No {type} {key} is put aside.");
        if (item.WaitsForOwnEdit)
        {
            throw VerbException.Failed("NOT_ALLOWED", $"{type} {key} waits for an edit made here ({item.Cause}): see `dead-letters`, `conflicts` and `outbox`.");
        }

        await store.DiscardAsideAsync(item.Type, item.Key, cancellationToken);
        context.Out.Line($"{type} {item.Key} is given up as of version {item.Version}. `tidemark conflicts DB` has the record.");
        context.Out.Document(new { discarded = item });
        return ExitCode.Done;
    }
}
