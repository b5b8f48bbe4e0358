using System.CommandLine;
using Tidemark.Cli.Models;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Client.Adoption;
using Tidemark.Client.Environment;
using Tidemark.Client.Storage;
using Tidemark.Model.Entities;

namespace Tidemark.Cli.Adopting;

internal static class AdoptVerb
{
    public static Command Create()
    {
        var database = SharedOptions.Database();
        var to = new Option<string?>("--out", "-o") { Description = "Write the model to this file, too; it must not exist.", HelpName = "MODEL.json" };
        var include = new Option<string?>("--include") { Description = "Only these tables, separated by commas.", HelpName = "a,b" };
        var exclude = new Option<string?>("--exclude") { Description = "Not these tables.", HelpName = "c,d" };
        var encrypt = new Option<string?>("--encrypt") { Description = "Columns that leave the device encrypted only, separated by commas. The file then goes the way for several remotes (`remotes add`), also with one.", HelpName = "table.column" };
        var firstSync = new Option<string>("--first-sync")
        {
            Description = "match: rows here and on the server with the same key are the same rows (copies of one file). append: all rows here are new.",
            DefaultValueFactory = _ => "match",
        };
        firstSync.AcceptOnlyFromAmong("match", "append");
        return Verb.Create("adopt", "Make an existing SQLite database local-first. Its tables are not altered; capture is put beside them.", database, to, include, exclude, encrypt, firstSync)
            .Runs((context, cancellationToken) =>
            {
                var options = new AdoptionOptions
                {
                    Include = ListOf(context.Get(include)),
                    Exclude = ListOf(context.Get(exclude)),
                    Encrypt = ListOf(context.Get(encrypt)),
                    FirstSync = context.Get(firstSync) == "append" ? FirstSync.Append : FirstSync.Match,
                };
                return RunAsync(context, context.Get(database), context.Get(to), options, cancellationToken);
            });
    }

    private static string[] ListOf(string? text) => text?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    private static async Task<ExitCode> RunAsync(VerbContext context, string path, string? to, AdoptionOptions options, CancellationToken cancellationToken)
    {
        if (to is not null && File.Exists(to))
        {
            throw VerbException.Usage($"{to} exists; give --out another name.");
        }

        var report = await Work.RunAsync(context.Out, steps => Task.Run(() => Adopt(path, options, steps), cancellationToken));
        if (to is not null)
        {
            await File.WriteAllBytesAsync(to, SyncModelJson.ToUtf8(report.Model, indented: true), cancellationToken);
        }

        Show(context.Out, path, to, report);
        return ExitCode.Done;
    }

    private static AdoptionReport Adopt(string path, AdoptionOptions options, IProgress<WorkStep> steps)
    {
        steps.Report(new WorkStep("adopting", 0, null));
        try
        {
            return Adopter.Adopt(path, options, SyncEnvironment.System);
        }
        catch (ArgumentException e)
        {
            throw VerbException.Usage(e.Message);
        }
    }

    private static void Show(Out output, string path, string? to, AdoptionReport report)
    {
        ModelShowVerb.Show(output, report.Model);
        foreach (var (name, reason) in report.LeftOut)
        {
            output.Line($"left out: {name} - {reason}");
        }

        foreach (var trigger in report.Triggers)
        {
            output.Line($"trigger: {trigger}");
        }

        foreach (var warning in report.Warnings)
        {
            output.Warn(warning);
        }

        var rows = report.Rows.Sum(r => r.Rows);
        output.Line($"Adopted {path}: {Tables.Count(report.Model.Entities.Count, "table")}, {Tables.Count(rows, "row")}{(to is null ? "" : $"; model in {to}")}. The app goes on as before; next: tidemark sync {path}");
        output.Document(new
        {
            database = path,
            model = to,
            modelHash = report.Model.Hash,
            rows,
            tables = report.Rows.Select(r => new { type = r.Type, rows = r.Rows }),
            leftOut = report.LeftOut.Select(l => new { name = l.Name, reason = l.Reason }),
            triggers = report.Triggers,
            warnings = report.Warnings,
        });
    }
}
