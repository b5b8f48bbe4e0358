using System.CommandLine;
using System.Text.Json;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;

namespace Tidemark.Cli.DeadLetters;

internal static class DeadLettersShowVerb
{
    private static readonly JsonSerializerOptions Indented = new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        var database = SharedOptions.Database();
        var ids = DeadLettersCommand.Ids();
        return Verb.Create("show", "Dead letters in full: the command, the reason, the server's row, the rows that wait.", database, ids)
            .Runs((context, _) => Stores.LookAsync(
                context.Get(database),
                store => Show(context.Out, DeadLettersCommand.Choose(new StoreInspector(store).DeadLetters(), context.Get(ids)))));
    }

    private static ExitCode Show(Out output, IReadOnlyList<DeadLetter> letters)
    {
        foreach (var letter in letters)
        {
            output.Write(Tables.Facts(
                ("id", letter.Id),
                ("row", $"{letter.Type} {letter.Key}"),
                ("operation", letter.Operation),
                ("code", letter.Code),
                ("reason", letter.Reason),
                ("field", letter.Field),
                ("attempts", letter.Attempts),
                ("waiting for it", letter.Dependents.Count == 0 ? "nothing" : string.Join("; ", letter.Dependents))));
            output.Line(JsonSerializer.Serialize(DeadLetterText.DocumentOf(letter), Indented));
            output.Line();
        }

        output.Document(new { deadLetters = letters.Select(DeadLetterText.DocumentOf) });
        return ExitCode.Done;
    }
}
