using System.CommandLine;
using Tidemark.Cli.Conflicts;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Duplicates;

namespace Tidemark.Cli.Duplicates;

internal static class DuplicatesListVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var limit = SharedOptions.Limit(50);
        var by = DuplicatesCommand.By();
        return Verb.Create("list", "Rows that share the values of a natural key; the first of each group is the one that stays when they are merged.", database, by, limit)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(database), context.Get(by), context.Get(limit), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, string[] by, int limit, CancellationToken cancellationToken)
    {
        await using var store = Stores.Open(path);
        var report = await DuplicatesCommand.UsageAsync(() => new StoreDuplicates(store).FindAsync(DuplicatesCommand.RulesOf(by), limit, cancellationToken));
        if (report.Total == 0)
        {
            context.Out.Line(store.Model.Entities.Any(e => e.NaturalKeys.Count > 0) || by.Length > 0 ? "No duplicates." : "The model declares no natural keys; --by TYPE:FIELD,FIELD names one.");
        }
        else
        {
            Show(context.Out, report);
        }

        context.Out.Document(new { total = report.Total, fullyFetched = report.IsFullyFetched, groups = report.Groups.Select(DocumentOf) });
        return report.Total > 0 ? ExitCode.NeedsYou : ExitCode.Done;
    }

    private static void Show(Out output, DuplicateReport report)
    {
        var table = Tables.Of("type", "values", "key", "#references", "standing");
        foreach (var group in report.Groups)
        {
            var values = Tables.Short(string.Join(", ", group.Values), 40);
            foreach (var row in group.Rows)
            {
                table.Row(group.Type, values, Tables.Short(row.Key.ToString(), 40), row.References, StandingOf(row));
            }
        }

        output.Write(table);
        output.Line($"{Tables.Count(report.Total, "group")}{(report.Groups.Count < report.Total ? $", the first {report.Groups.Count} shown" : "")}. "
            + (report.IsFullyFetched ? "Merge them: duplicates merge DB --all, or one: duplicates merge DB TYPE KEEP OTHER..." : "Sync before you merge them: not everything was fetched yet."));
    }

    private static string StandingOf(DuplicateRow row) => (row.IsDead, row.IsSynced, row.IsPending) switch
    {
        (true, _, _) => "dead letter",
        (_, false, _) => "not sent",
        (_, _, true) => "changed here",
        _ => "synced",
    };

    private static object DocumentOf(DuplicateGroup group) => new
    {
        type = group.Type,
        fields = group.Fields,
        values = group.Values.Select(v => v.ToString()),
        rows = group.Rows.Select(r => new { key = r.Key.ToString(), synced = r.IsSynced, pending = r.IsPending, dead = r.IsDead, references = r.References, row = ConflictText.NodeOf(r.Row) }),
    };
}
