using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;

namespace Tidemark.Cli.DeadLetters;

internal static class DeadLettersDiscardVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var ids = DeadLettersCommand.Ids();
        return Verb.Create("discard", "Take the server's state instead: for the row, and for the rows that wait for it. Export first if in doubt.", database, ids)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(database), context.Get(ids), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, string[] ids, CancellationToken cancellationToken)
    {
        await using var store = Stores.Open(path);
        var inspector = new StoreInspector(store);
        var discarded = new List<Guid>();
        var restored = new List<string>();
        foreach (var letter in DeadLettersCommand.Choose(inspector.DeadLetters(), ids))
        {
            // Discarding one may have taken others of the list with it.
            if (inspector.DeadLetters().All(l => l.Id != letter.Id))
            {
                continue;
            }

            await store.DiscardAsync(letter.Id, cancellationToken);
            discarded.Add(letter.Id);
            restored.Add($"{letter.Type} {letter.Key}");
            restored.AddRange(letter.Dependents);
            context.Out.Line($"Discarded {letter.Operation} of {letter.Type} {letter.Key}{(letter.Dependents.Count > 0 ? ", and with it " + string.Join("; ", letter.Dependents) : "")}");
        }

        context.Out.Line($"{Tables.Count(discarded.Count, "dead letter")} discarded.");
        context.Out.Document(new { discarded, restored });
        return ExitCode.Done;
    }
}
