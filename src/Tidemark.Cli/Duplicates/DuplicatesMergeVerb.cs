using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Duplicates;
using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;

namespace Tidemark.Cli.Duplicates;

internal static class DuplicatesMergeVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var type = new Argument<string?>("TYPE") { Description = "The entity type.", Arity = ArgumentArity.ZeroOrOne };
        var keys = new Argument<string[]>("KEEP OTHER...") { Description = "The key of the row that stays, then those of the rows that are merged into it.", Arity = ArgumentArity.ZeroOrMore };
        var all = new Option<bool>("--all") { Description = "Everything `duplicates list` finds." };
        var by = DuplicatesCommand.By();
        return Verb.Create("merge", "Make one row of several: what only the others knew is taken over, what referred to them refers to the one that stays, a record keeps all. The next sync tells it.", database, type, keys, all, by)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(database), context.Get(type), context.Get(keys), context.Get(all), context.Get(by), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, string? type, string[] keys, bool all, string[] by, CancellationToken cancellationToken)
    {
        if (all ? type is not null : type is null || keys.Length < 2)
        {
            throw VerbException.Usage("Give --all, or a type, the key of the row that stays and those of the others.");
        }

        await using var store = Stores.Open(path);
        var report = await DuplicatesCommand.UsageAsync(() => all
            ? new StoreDuplicates(store).MergeAllAsync(DuplicatesCommand.RulesOf(by), cancellationToken)
            : OneAsync(store, type!, keys, cancellationToken));
        foreach (var merge in report.Merged)
        {
            context.Out.Line($"{merge.Type} {merge.Key} is {merge.Into} now; {Tables.Count(merge.Moved.Count, "reference")} moved. Record {merge.Id}.");
        }

        context.Out.Line(report.Merged.Count == 0 ? "Nothing to merge." : $"{Tables.Count(report.Merged.Count, "row")} merged. The next sync tells it.");
        context.Out.Document(new { merged = report.Merged.Select(DuplicatesCommand.DocumentOf), skipped = report.Skipped });
        return ExitCode.Done;
    }

    private static Task<DuplicateMergeReport> OneAsync(LocalStore store, string type, string[] keys, CancellationToken cancellationToken)
    {
        var inspector = new StoreInspector(store);
        return new StoreDuplicates(store).MergeAsync(type, inspector.KeyOf(type, keys[0]), [.. keys.Skip(1).Select(k => inspector.KeyOf(type, k))], cancellationToken);
    }
}
