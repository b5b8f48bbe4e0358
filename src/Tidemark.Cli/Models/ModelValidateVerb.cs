using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Model.Entities;

namespace Tidemark.Cli.Models;

internal static class ModelValidateVerb
{
    public static Command Create()
    {
        var files = new Argument<string[]>("FILE") { Description = "Model files (JSON).", Arity = ArgumentArity.OneOrMore };
        return Verb.Create("validate", "Check model files whole: every fault at once, with entity and field.", files)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(files), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string[] paths, CancellationToken cancellationToken)
    {
        var reports = new List<object>();
        var faulty = 0;
        foreach (var path in paths)
        {
            var (model, faults) = await ReadAsync(path, cancellationToken);
            faulty += faults.Count > 0 ? 1 : 0;
            var notes = model is null ? [] : PolicyNotes.Of(model);
            reports.Add(new { file = path, valid = faults.Count == 0, faults, notes });
            context.Out.Line(faults.Count == 0 ? $"{path}: good" : $"{path}: {Tables.Count(faults.Count, "fault")}");
            foreach (var fault in faults)
            {
                context.Out.Line($"  - {fault}");
            }

            foreach (var note in notes)
            {
                context.Out.Line($"  note: {note}");
            }
        }

        context.Out.Document(new { valid = faulty == 0, files = reports });
        return faulty == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static async Task<(SyncModel? Model, IReadOnlyList<ModelFault> Faults)> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return (await ModelFile.ReadAsync(path, cancellationToken), []);
        }
        catch (ModelException e)
        {
            return (null, e.Faults);
        }
    }
}
