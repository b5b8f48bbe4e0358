using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Duplicates;

namespace Tidemark.Cli.Duplicates;

internal static class DuplicatesMergesVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var limit = SharedOptions.Limit(50);
        return Verb.Create("merges", "What was merged here, the newest first; --json has the rows as they were, and every reference that was moved.", database, limit)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(database), context.Get(limit), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, int limit, CancellationToken cancellationToken)
    {
        await using var store = Stores.Open(path);
        var merges = await new StoreDuplicates(store).MergesAsync(limit, cancellationToken);
        var table = Tables.Of("#id", "when", "type", "key", "into", "state", "#references", "kept apart");
        foreach (var merge in merges)
        {
            var kept = merge.Fields.Where(f => f.From == Tidemark.Model.Merging.MergeSource.Local).Select(f => f.Field);
            table.Row(merge.Id, merge.At, merge.Type, Tables.Short(merge.Key, 40), Tables.Short(merge.Into, 40), merge.State.ToString().ToUpperInvariant(), merge.Moved.Count, Tables.Short(string.Join(", ", kept), 60));
        }

        if (merges.Count == 0)
        {
            context.Out.Line("Nothing was merged here.");
        }
        else
        {
            context.Out.Write(table);
        }

        context.Out.Document(new { merges = merges.Select(DuplicatesCommand.DocumentOf) });
        return ExitCode.Done;
    }
}
