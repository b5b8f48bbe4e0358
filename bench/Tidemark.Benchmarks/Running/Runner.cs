using System.Diagnostics;
using System.Globalization;
using Tidemark.Benchmarks.Floor;
using Tidemark.Benchmarks.Health;
using Tidemark.Benchmarks.Live;
using Tidemark.Benchmarks.LocalWrites;
using Tidemark.Benchmarks.Memory;
using Tidemark.Benchmarks.Nodes;
using Tidemark.Benchmarks.Postgres;
using Tidemark.Benchmarks.Sync;

namespace Tidemark.Benchmarks.Running;

/// <summary>The command line: names choose, options say how much.</summary>
internal static class Runner
{
    private const string ConnectionsOption = "--connections=";
    private const int ConnectionsDefault = 10_000;

    private static readonly Benchmark[] All =
    [
        new SingleInsert("FULL", 300, Target.Ceiling(1.3)),
        new SingleInsert("NORMAL", 3000, Target.Ceiling(2)),
        new BulkInsert(),
        new BulkUpdate(),
        new ManyWriters(),
        new PullBenchmark(),
        new PushBenchmark(),
        new SmallRunsBenchmark(),
        new ConflictsBenchmark(),
        new ReplacedBenchmark(),
        new RemotesBenchmark(),
        new LiveBenchmark(),
        new LiveConnectionsBenchmark(),
        new PostgresPushBenchmark(),
        new PostgresPullBenchmark(),
        new PostgresSpaceBenchmark(),
        new NodesBenchmark(),
        new HealthBenchmark(),
        new MemoryBenchmark(),
        new FloorBenchmark(),
    ];

    /// <returns>0 done; 1 a target was missed and --check was given; 2 usage.</returns>
    public static async Task<int> RunAsync(string[] args, CancellationToken cancel)
    {
        var names = args.Where(a => !a.StartsWith('-')).ToArray();
        var unknown = names.Where(n => !Array.Exists(All, b => Matches(b, n))).ToArray();
        if (args.Contains("--help") || unknown.Length > 0)
        {
            return Help(unknown);
        }

        var quick = args.Contains("--quick");
        var connections = args.FirstOrDefault(a => a.StartsWith(ConnectionsOption, StringComparison.Ordinal)) is { } asked ? int.Parse(asked.AsSpan(ConnectionsOption.Length), CultureInfo.InvariantCulture) : ConnectionsDefault;
        var effort = new Effort(quick ? 1 : 5, quick, args.Contains("--large"), connections);
        var figures = new List<Figure>();
        foreach (var benchmark in All.Where(b => names.Length == 0 || Array.Exists(names, n => Matches(b, n))))
        {
            await Console.Error.WriteAsync($"{benchmark.Name} ... ");
            var start = Stopwatch.GetTimestamp();
            using var scratch = new Scratch();
            figures.AddRange(await benchmark.RunAsync(scratch, effort, cancel));
            await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s"));
        }

        Console.Write(ResultTable.Render(figures));
        return args.Contains("--check") && figures.Exists(f => f.Ok == false) ? 1 : 0;
    }

    /// <summary>A name chooses itself and everything it is the beginning of.</summary>
    private static bool Matches(Benchmark benchmark, string name) => benchmark.Name.StartsWith(name, StringComparison.Ordinal);

    private static int Help(string[] unknown)
    {
        foreach (var name in unknown)
        {
            Console.Error.WriteLine($"There is no benchmark {name}.");
        }

        Console.Error.WriteLine("usage: dotnet run -c Release --project bench/Tidemark.Benchmarks [NAME...] [--quick] [--large] [--connections=N] [--check]");
        foreach (var benchmark in All)
        {
            Console.Error.WriteLine($"  {benchmark.Name,-15} {benchmark.Summary}");
        }

        return unknown.Length > 0 ? 2 : 0;
    }
}
