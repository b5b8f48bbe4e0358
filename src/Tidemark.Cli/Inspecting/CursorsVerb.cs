using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;

namespace Tidemark.Cli.Inspecting;

internal static class CursorsVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        return Verb.Create("cursors", "How far this file has applied what others wrote, by type. Rows put aside hold the safe position back.", database)
            .Runs((context, _) => Stores.LookAsync(context.Get(database), store => Show(context.Out, new StoreInspector(store).Cursors())));
    }

    private static ExitCode Show(Out output, IReadOnlyList<CursorStatus> cursors)
    {
        var table = Tables.Of("type", "applied up to", "last id", "#position", "#safe position", "#put aside");
        foreach (var cursor in cursors)
        {
            table.Row(cursor.Type, cursor.At, Tables.Short(cursor.LastId, 40), cursor.Position, cursor.SafePosition, cursor.Aside);
        }

        if (cursors.Count == 0)
        {
            output.Line("Nothing was pulled yet.");
        }
        else
        {
            output.Write(table);
        }

        output.Document(new { cursors });
        return ExitCode.Done;
    }
}
