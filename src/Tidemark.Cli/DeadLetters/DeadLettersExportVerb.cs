using System.CommandLine;
using System.Text.Json;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Inspection;

namespace Tidemark.Cli.DeadLetters;

internal static class DeadLettersExportVerb
{
    private static readonly JsonSerializerOptions Indented = new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        var database = SharedOptions.Database();
        var to = new Option<string?>("--out", "-o") { Description = "The file to write, which must not exist; standard output when it is left out.", HelpName = "FILE" };
        return Verb.Create("export", "All dead letters as one JSON document, to keep or to work on.", database, to)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(database), context.Get(to), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, string? to, CancellationToken cancellationToken)
    {
        if (to is not null && File.Exists(to))
        {
            throw VerbException.Usage($"{to} exists; give --out another name.");
        }

        await using var store = Stores.Open(path);
        var document = new { deadLetters = new StoreInspector(store).DeadLetters().Select(DeadLetterText.DocumentOf).ToList() };
        if (to is not null)
        {
            await File.WriteAllTextAsync(to, JsonSerializer.Serialize(document, Indented), cancellationToken);
            context.Out.Line($"{Tables.Count(document.deadLetters.Count, "dead letter")} written to {to}.");
        }
        else if (!context.Out.Json)
        {
            context.Out.Line(JsonSerializer.Serialize(document, Indented));
        }

        context.Out.Document(to is null ? document : new { file = Path.GetFullPath(to), document.deadLetters.Count });
        return ExitCode.Done;
    }
}
