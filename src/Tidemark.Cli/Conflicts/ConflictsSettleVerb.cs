using System.CommandLine;
using System.Text.Json;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;
using Tidemark.Model.Protocol;

namespace Tidemark.Cli.Conflicts;

internal static class ConflictsSettleVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var id = ConflictsCommand.Id();
        var take = new Option<string>("--take")
        {
            Description = "local: what is here. server: what the server has. A file name: the JSON object in it; members left out stay as they are. Of a conflict that is over, brings a row back as a new edit.",
            HelpName = "local|server|FILE",
            Required = true,
        };
        return Verb.Create("settle", "Decide a conflict. The next sync sends the decision.", database, id, take)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(database), context.Get(id), context.Get(take), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, long id, string take, CancellationToken cancellationToken)
    {
        await using var store = Stores.Open(path);
        var conflict = ConflictsCommand.Find(store, id);
        var settlement = take switch
        {
            "local" => ConflictSettlement.TakeLocal,
            "server" => ConflictSettlement.TakeServer,
            _ => await RowFromAsync(store, conflict, take, cancellationToken),
        };
        if (!await store.SettleAsync(id, settlement, cancellationToken))
        {
            throw VerbException.Failed("NOTHING_TO_SETTLE", $"Conflict {id} has nothing left to decide, or a command of its row is on its way. Sync, then look again.");
        }

        context.Out.Line($"Settled conflict {id} of {conflict.Type} {conflict.Key}: {settlement.Name}. The next sync sends it.");
        context.Out.Document(new { id, settlement = settlement.Name, conflict = ConflictText.DocumentOf(ConflictsCommand.Find(store, id)) });
        return ExitCode.Done;
    }

    private static async Task<ConflictSettlement> RowFromAsync(LocalStore store, ConflictRecord conflict, string file, CancellationToken cancellationToken)
    {
        if (!File.Exists(file))
        {
            throw VerbException.Usage($"--take wants local, server or a file with the row; there is no file {file}.");
        }

        if (store.Model.Find(conflict.Type) is not { } type)
        {
            throw VerbException.Failed("UNKNOWN_TYPE", $"The model has no type {conflict.Type} any more.");
        }

        try
        {
            using var document = JsonDocument.Parse(await File.ReadAllBytesAsync(file, cancellationToken));
            return ConflictSettlement.Take(WireRow.Read(type, document.RootElement));
        }
        catch (Exception e) when (e is JsonException or WireFormatException)
        {
            throw VerbException.Failed("BAD_ROW", $"{file} is no row of {conflict.Type}: {e.Message}");
        }
    }
}
