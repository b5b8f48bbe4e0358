using Tidemark.Cli.Output;

namespace Tidemark.Cli.Health;

/// <summary>Numbers of done things as steps of a bar.</summary>
internal sealed class Steps(IProgress<WorkStep> steps, string phase, long? total) : IProgress<long>
{
    public static IProgress<long> Of(IProgress<WorkStep> steps, string phase, long? total) => new Steps(steps, phase, total);

    public void Report(long value) => steps.Report(new WorkStep(phase, value, total));
}
