using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;

namespace Tidemark.Cli.Models;

internal static class ModelDiffVerb
{
    public static Command Create()
    {
        var from = new Argument<string>("OLD") { Description = "The model file before." };
        var to = new Argument<string>("NEW") { Description = "The model file after." };
        return Verb.Create("diff", "Compare two models. Exit code 0 also when they differ; --json says `equal`.", from, to)
            .Runs((context, cancellationToken) => RunAsync(context, context.Get(from), context.Get(to), cancellationToken));
    }

    private static async Task<ExitCode> RunAsync(VerbContext context, string from, string to, CancellationToken cancellationToken)
    {
        var before = await ModelFile.ReadAsync(from, cancellationToken);
        var after = await ModelFile.ReadAsync(to, cancellationToken);
        var differences = ModelDifference.Between(before, after);
        if (differences.Count == 0)
        {
            context.Out.Line("The models are equal.");
        }

        foreach (var difference in differences)
        {
            context.Out.Line($"{difference.Sign} {difference.Place}{(difference.What.Length > 0 ? ": " + difference.What : "")}");
        }

        var policies = PolicyChanges.Between(before, after);
        foreach (var sentence in policies)
        {
            context.Out.Line("  " + sentence);
        }

        context.Out.Document(new { equal = differences.Count == 0, differences, policies });
        return ExitCode.Done;
    }
}
