using Tidemark.Benchmarks.Running;

namespace Tidemark.Benchmarks.Postgres;

/// <summary>A measurement on a PostgreSQL of its own; where none is installed it has no figures.</summary>
internal abstract class PostgresBenchmark : Benchmark
{
    public sealed override async Task<IReadOnlyList<Figure>> RunAsync(Scratch scratch, Effort effort, CancellationToken cancel)
    {
        await using var backend = await PostgresBackend.StartAsync(cancel);
        return backend is null ? [] : await MeasureAsync(backend, scratch, effort, cancel);
    }

    protected abstract Task<IReadOnlyList<Figure>> MeasureAsync(PostgresBackend backend, Scratch scratch, Effort effort, CancellationToken cancel);
}
