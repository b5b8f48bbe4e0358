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
            var faults = await FaultsOfAsync(path, cancellationToken);
            faulty += faults.Count > 0 ? 1 : 0;
            reports.Add(new { file = path, valid = faults.Count == 0, faults });
            context.Out.Line(faults.Count == 0 ? $"{path}: good" : $"{path}: {Tables.Count(faults.Count, "fault")}");
            foreach (var fault in faults)
            {
                context.Out.Line($"  - {fault}");
            }
        }

        context.Out.Document(new { valid = faulty == 0, files = reports });
        return faulty == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static async Task<IReadOnlyList<ModelFault>> FaultsOfAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            await ModelFile.ReadAsync(path, cancellationToken);
            return [];
        }
        catch (ModelException e)
        {
            return e.Faults;
        }
    }
}
