using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;

namespace Tidemark.Cli.Conflicts;

internal static class ConflictsListVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var limit = SharedOptions.Limit(50);
        var open = new Option<bool>("--open") { Description = "Only those that wait for a person." };
        return Verb.Create("list", "Conflicts, the newest first, with what became of them.", database, limit, open)
            .Runs((context, _) => Stores.LookAsync(context.Get(database), store => Show(context.Out, new StoreInspector(store), context.Get(limit), context.Get(open))));
    }

    private static ExitCode Show(Out output, StoreInspector inspector, int limit, bool onlyOpen)
    {
        var conflicts = inspector.Conflicts(limit, onlyOpen);
        var waiting = inspector.Conflicts(int.MaxValue, onlyOpen: true).Count;
        var table = Tables.Of("#id", "when", "type", "key", "outcome", "how");
        foreach (var conflict in conflicts)
        {
            table.Row(conflict.Id, conflict.At, conflict.Type, Tables.Short(conflict.Key, 40), conflict.Outcome, Tables.Short(ConflictText.HowOf(conflict), 80));
        }

        if (conflicts.Count == 0)
        {
            output.Line(onlyOpen ? "No conflict waits for you." : "No conflicts.");
        }
        else
        {
            output.Write(table);
            output.Line(waiting == 0 ? "None waits for you. Look at one: conflicts show DB ID." : $"{Tables.Count(waiting, "conflict")} waiting for you: conflicts show DB ID, then conflicts settle DB ID --take local|server|FILE.");
        }

        output.Document(new { open = waiting, conflicts = conflicts.Select(ConflictText.DocumentOf) });
        return waiting > 0 ? ExitCode.NeedsYou : ExitCode.Done;
    }
}
