using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;

namespace Tidemark.Cli.DeadLetters;

internal static class DeadLettersListVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        return Verb.Create("list", "All dead letters with their reasons.", database)
            .Runs((context, _) => Stores.LookAsync(context.Get(database), store => Show(context.Out, new StoreInspector(store).DeadLetters())));
    }

    private static ExitCode Show(Out output, IReadOnlyList<DeadLetter> letters)
    {
        var table = Tables.Of("id", "type", "key", "operation", "code", "reason", "#wait for it");
        foreach (var letter in letters)
        {
            table.Row(letter.Id, letter.Type, Tables.Short(letter.Key, 40), letter.Operation, letter.Code, Tables.Short(letter.Reason, 80), letter.Dependents.Count);
        }

        if (letters.Count == 0)
        {
            output.Line("No dead letters.");
        }
        else
        {
            output.Write(table);
            output.Line("Look at one: dead-letters show DB ID. Send it again: retry. Take the server's state instead: discard.");
        }

        output.Document(new { deadLetters = letters.Select(DeadLetterText.DocumentOf) });
        return ExitCode.Done;
    }
}
