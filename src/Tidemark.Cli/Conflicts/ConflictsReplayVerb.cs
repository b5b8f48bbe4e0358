using System.CommandLine;
using Tidemark.Cli.Models;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;

namespace Tidemark.Cli.Conflicts;

internal static class ConflictsReplayVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var model = new Option<string?>("--model") { Description = "Ask this model file instead of the store's model: what would a change of the rules have changed?", HelpName = "FILE" };
        return Verb.Create("replay", "Run the recorded conflicts through today's rules and list what would come out differently. Changes nothing.", database, model)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(database), context.Get(model), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, string? modelFile, CancellationToken cancellationToken)
    {
        var model = modelFile is null ? null : await ModelFile.ReadAsync(modelFile, cancellationToken);
        return await Stores.LookAsync(path, store => Show(context.Out, store, model));
    }

    private static ExitCode Show(Out output, LocalStore store, SyncModel? model)
    {
        var report = new StoreInspector(store).ReplayConflicts(model);
        var table = Tables.Of("#conflict", "type", "key", "was", "would be", "fields", "cause");
        foreach (var difference in report.Differences)
        {
            table.Row(
                difference.Conflict.Id, difference.Conflict.Type, Tables.Short(difference.Conflict.Key, 40), difference.Conflict.Outcome, difference.Outcome ?? "(cannot be replayed)",
                string.Join(", ", difference.Fields), difference.Cause);
        }

        if (report.Differences.Count > 0)
        {
            output.Write(table);
        }

        output.Line($"{Tables.Count(report.Replayed, "conflict")} replayed, {Tables.Count(report.Differences.Count, "difference")}.");
        output.Document(new
        {
            replayed = report.Replayed,
            differences = report.Differences.Select(d => new
            {
                id = d.Conflict.Id, type = d.Conflict.Type, key = d.Conflict.Key, was = d.Conflict.Outcome, wouldBe = d.Outcome, fields = d.Fields, cause = d.Cause,
                merged = ConflictText.NodeOf(d.Conflict.Merged), wouldMerge = ConflictText.NodeOf(d.Merged),
            }),
        });
        return ExitCode.Done;
    }
}
