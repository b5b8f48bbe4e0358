using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Storage;

namespace Tidemark.Cli.Conflicts;

internal static class ConflictsShowVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var id = ConflictsCommand.Id();
        return Verb.Create("show", "One conflict in full: base, local, server, result, and the rule for each field.", database, id)
            .Runs((context, _) => Stores.LookAsync(context.Get(database), store => Show(context.Out, ConflictsCommand.Find(store, context.Get(id)))));
    }

    private static ExitCode Show(Out output, ConflictRecord conflict)
    {
        Write(output, conflict);
        output.Document(ConflictText.DocumentOf(conflict));
        return ExitCode.Done;
    }

    public static void Write(Out output, ConflictRecord conflict)
    {
        output.Write(Tables.Facts(
            ("conflict", conflict.Id),
            ("row", $"{conflict.Type} {conflict.Key}"),
            ("when", conflict.At),
            ("outcome", conflict.Outcome + (conflict.Settlement is { } settlement ? $", settled: {settlement}" : conflict.IsOpen ? ", waits for you" : "")),
            ("why", conflict.Reason),
            ("server's version", conflict.ServerVersion),
            ("rules", conflict.PolicyHash)));
        var table = Tables.Of("field", "base", "here", "server", "result", "rule", "from", "note");
        foreach (var field in conflict.Fields)
        {
            table.Row(
                field.Field, Cell(conflict.Base, field.Field), Cell(conflict.Local, field.Field), Cell(conflict.Server, field.Field), Cell(conflict.Merged, field.Field),
                ConflictText.RuleOf(field), field.From, field.Note ?? "");
        }

        output.Write(table);
    }

    private static string Cell(Tidemark.Model.Values.Row? row, string field) => Tables.Short(ConflictText.ValueOf(row, field), 40);
}
