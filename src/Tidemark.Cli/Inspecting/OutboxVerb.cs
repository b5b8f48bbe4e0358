using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;

namespace Tidemark.Cli.Inspecting;

internal static class OutboxVerb
{
    public const string Name = "outbox";

    public static IReadOnlyList<string> Verbs { get; } = ["list", OutboxDiscardVerb.Name];

    public static Command Create() => Verb.Create(
        Name, "What waits to be sent: list, discard. `outbox DB` lists.", List(), OutboxDiscardVerb.Create());

    private static Command List()
    {
        var database = SharedOptions.Database();
        var limit = SharedOptions.Limit(50);
        return Verb.Create("list", "What waits to be sent: touches (a row may have changed) and commands (frozen for the network); with several remotes what each of them lacks.", database, limit)
            .Runs((context, _) => Stores.LookAsync(context.Get(database), store => Show(context.Out, new StoreInspector(store).Outbox(context.Get(limit)))));
    }

    private static ExitCode Show(Out output, IReadOnlyList<OutboxItem> items)
    {
        var table = Tables.Of("state", "type", "key", "operation", "since", "#attempts", "last trouble");
        foreach (var item in items)
        {
            table.Row(item.Remote is { } remote ? $"{item.State} {remote}" : item.State, item.Type, Tables.Short(item.Key, 40), item.Operation, item.At, item.Attempts, item.Error is { } error ? Tables.Short(item.Code is { } code ? $"{code}: {error}" : error, 80) : "");
        }

        if (items.Count == 0)
        {
            output.Line("Nothing waits.");
        }
        else
        {
            output.Write(table);
        }

        output.Document(new { outbox = items });
        return ExitCode.Done;
    }
}
