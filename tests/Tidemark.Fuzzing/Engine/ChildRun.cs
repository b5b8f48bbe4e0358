using System.Globalization;
using System.Text;

namespace Tidemark.Fuzzing.Engine;

/// <summary>The process that runs one target. The input it is about to run lies in a file, for the parent to find when this process is gone.</summary>
public static class ChildRun
{
    /// <summary>Names the file of the current input.</summary>
    public const string CurrentVariable = "TIDEMARK_FUZZ_CURRENT";

    public static int Run(Arguments options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var name = options.Only[0];
        using var current = new FileStream(Environment.GetEnvironmentVariable(CurrentVariable)!, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        using var target = Targets.All[name]();
        var fuzzer = new Fuzzer(target, options.Seed)
        {
            Before = input =>
            {
                current.SetLength(0);
                current.Position = 0;
                current.Write(input);
            },
            OnNew = (shape, input) =>
            {
                if (options.Keep && !shape.StartsWith("FINDING", StringComparison.Ordinal))
                {
                    Corpus.Keep(name, shape, input);
                }
            },
        };
        var report = fuzzer.Run(Corpus.Read(name), TimeSpan.FromSeconds(options.Seconds));
        foreach (var finding in report.Findings)
        {
            Console.WriteLine($"finding {Corpus.KeepFinding(name, finding)} {Shapes.Text(finding.Key)}");
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"done {report.Executions} {report.Time.TotalSeconds:F1} {report.Shapes}"));
        return report.Findings.Count == 0 ? 0 : 1;
    }
}
