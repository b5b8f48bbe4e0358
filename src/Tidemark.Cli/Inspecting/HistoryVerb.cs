using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;

namespace Tidemark.Cli.Inspecting;

internal static class HistoryVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var limit = SharedOptions.Limit(20);
        return Verb.Create("history", "Past runs, the newest first. Runs with nothing to do are only counted.", database, limit)
            .Runs((context, _) => Stores.LookAsync(context.Get(database), store => Show(context.Out, new StoreInspector(store).History(context.Get(limit)))));
    }

    private static ExitCode Show(Out output, IReadOnlyList<HistoryEntry> runs)
    {
        var table = Tables.Of("started", "#took", "trigger", "outcome", "#pushed", "#pulled", "#conflicts", "#failed", "#idle before", "error");
        foreach (var run in runs)
        {
            table.Row(run.StartedAt, TimeSpan.FromMilliseconds(run.DurationMs), run.Trigger, run.Outcome, run.Pushed, run.Pulled, run.Conflicts, run.Failed, run.IdleRuns, run.Error is { } error ? Tables.Short(error, 80) : "");
        }

        if (runs.Count == 0)
        {
            output.Line("No run yet.");
        }
        else
        {
            output.Write(table);
        }

        output.Document(new { runs });
        return ExitCode.Done;
    }
}
