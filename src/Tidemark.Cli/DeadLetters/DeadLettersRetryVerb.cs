using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;

namespace Tidemark.Cli.DeadLetters;

internal static class DeadLettersRetryVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var ids = DeadLettersCommand.Ids();
        return Verb.Create("retry", "Send the rows again, as they are now, with the next sync.", database, ids)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(database), context.Get(ids), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, string[] ids, CancellationToken cancellationToken)
    {
        await using var store = Stores.Open(path);
        var chosen = DeadLettersCommand.Choose(new StoreInspector(store).DeadLetters(), ids);
        foreach (var letter in chosen)
        {
            await store.RetryAsync(letter.Id, cancellationToken);
            context.Out.Line($"Waits to be sent again: {letter.Type} {letter.Key}");
        }

        context.Out.Line($"{Tables.Count(chosen.Count, "row")} will go with the next sync.");
        context.Out.Document(new { retried = chosen.Select(l => l.Id) });
        return ExitCode.Done;
    }
}
