using System.CommandLine;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Health.Synthetic;

namespace Tidemark.Cli.Health;

internal static class GenerateVerb
{
    public static Command Create()
    {
        var seed = new Option<long>("--seed") { Description = "The person: the same seed is the same person.", HelpName = "N", DefaultValueFactory = _ => 1 };
        var records = new Option<long>("--records") { Description = "How many records, about: 2,300 are a day.", HelpName = "N", DefaultValueFactory = _ => 100_000 };
        var generation = new Option<int>("--generation") { Description = "2: the same person's next export, with samples deleted, late, corrected and new, another offset and other units.", HelpName = "1|2", DefaultValueFactory = _ => 1 };
        var faults = new Option<string>("--faults") { Description = $"What real exports have wrong with them: all, none, or names joined by commas: {string.Join(", ", Names())}.", HelpName = "LIST", DefaultValueFactory = _ => "none" };
        var output = new Option<string>("--out") { Description = "The file: a zip, or export.xml alone when its name ends so. The manifest is written beside it.", HelpName = "FILE", Required = true };
        return Verb.Create("generate", "Make an Apple Health export of nobody, the same bytes for the same options, with a manifest of what is in it.", seed, records, generation, faults, output)
            .Runs(async (context, cancellationToken) =>
            {
                var options = new GenerateOptions
                {
                    Seed = context.Get(seed),
                    Records = context.Get(records) is >= 100 and var count ? count : throw VerbException.Usage("--records must be 100 or more."),
                    Generation = context.Get(generation) is 1 or 2 ? context.Get(generation) : throw VerbException.Usage("--generation is 1 or 2."),
                    Faults = Parse(context.Get(faults)),
                };
                var path = context.Get(output);
                var manifest = await Work.RunAsync(context.Out, steps => Task.Run(() => HealthExportGenerator.Generate(path, options, Steps.Of(steps, "records", options.Records), cancellationToken), cancellationToken));
                context.Out.Document(new { file = path, manifest = HealthExportGenerator.ManifestOf(path), records = manifest.Records, samples = manifest.SampleCount, xmlBytes = manifest.XmlBytes });
                context.Out.Line($"{path}: {Tables.Count(manifest.Records, "record")}, {Tables.Count(manifest.SampleCount, "sample")}, {manifest.XmlBytes / 1_000_000.0:N1} MB of XML. What is in it: {HealthExportGenerator.ManifestOf(path)}");
                return ExitCode.Done;
            });
    }

    private static IEnumerable<string> Names() => Enum.GetNames<HealthFaults>().Where(n => n is not (nameof(HealthFaults.None) or nameof(HealthFaults.All)));

    private static HealthFaults Parse(string list) =>
        Enum.TryParse<HealthFaults>(list, ignoreCase: true, out var faults) && !list.Any(char.IsAsciiDigit)
            ? faults
            : throw VerbException.Usage($"--faults: '{list}' is not known. There are all, none, {string.Join(", ", Names())}.");
}
