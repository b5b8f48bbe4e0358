namespace Tidemark.Benchmarks.Running;

/// <summary>How much is measured.</summary>
/// <param name="Rounds">Measured rounds of a pair.</param>
/// <param name="Quick">Fewer rows and operations: to see that everything runs, not to judge.</param>
/// <param name="Large">Sizes that take minutes to make, too.</param>
/// <param name="Connections">Live connections that idle.</param>
internal sealed record Effort(int Rounds, bool Quick, bool Large, int Connections)
{
    public int Scale(int full) => Quick ? Math.Max(full / 10, 10) : full;
}

/// <summary>One named measurement; it may yield several lines of the table.</summary>
internal abstract class Benchmark
{
    public abstract string Name { get; }

    public abstract string Summary { get; }

    public abstract Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel);
}
