#if !TIDEMARK_MUTANTS
Console.Error.WriteLine("This build has no deliberate bugs. Run: dotnet run -c Release -p:TidemarkMutants=true --project tests/Tidemark.Simulation.Mutants");
return 2;
#else
using System.Diagnostics;
using System.Globalization;
using Tidemark.Hosting;
using Tidemark.Model;
using Tidemark.Simulation.Runs;

// Shows that the simulator finds every deliberate bug: dotnet run -p:TidemarkMutants=true --project tests/Tidemark.Simulation.Mutants -- [--seeds N] [--only NAME]... [--half]
// Ends with 1 when one is not found within the seeds, or when the code without a bug breaks a promise in them.
SystemSqlite.Use();
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var seeds = Number("--seeds", 300);
var only = args.Zip(args.Skip(1)).Where(a => a.First == "--only").Select(a => a.Second).ToHashSet(StringComparer.OrdinalIgnoreCase);
var mutants = Enum.GetValues<Mutant>().Where(m => m != Mutant.None && (only.Count == 0 || only.Contains(m.ToString()))).Where((_, i) => !args.Contains("--half") || i % 2 == 0).ToList();
var missed = 0;
var found = 0;

// Seeds that break a promise without any bug prove nothing.
var open = Enumerable.Range(1, seeds).AsParallel().Where(s => Broken(s) is not null).Order().ToHashSet();
if (open.Count > 0)
{
    Console.WriteLine($"Without any bug {open.Count} of {seeds} seeds break a promise; they are left out: {string.Join(", ", open)}");
}

Console.WriteLine("| bug | found by seed | promise that was broken | what was seen |");
Console.WriteLine("|---|---:|---|---|");
foreach (var mutant in mutants)
{
    Mutants.Active = mutant;
    var started = Stopwatch.GetTimestamp();
    if (Find(seeds, open) is { } seen)
    {
        found++;
        Console.WriteLine($"| {mutant} | {seen.Seed} | {seen.Checker} | {seen.Text.Replace('|', '/').ReplaceLineEndings(" ")} |");
    }
    else
    {
        missed++;
        Console.WriteLine($"| {mutant} | **not in {seeds}** | | {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s |");
    }
}

Console.WriteLine($"{found} of {mutants.Count} found");
return missed == 0 ? 0 : 1;

int Number(string name, int otherwise) =>
    args.Zip(args.Skip(1)).FirstOrDefault(a => a.First == name).Second is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

// The lowest seed that breaks a promise; seeds are shared out to the processors.
static (int Seed, string Checker, string Text)? Find(int seeds, HashSet<int> open)
{
    (int Seed, string Checker, string Text)? lowest = null;
    var gate = new Lock();
    Parallel.For(1, seeds + 1, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, (seed, state) =>
    {
        if (open.Contains(seed) || state.ShouldExitCurrentIteration || Broken(seed) is not { } broken)
        {
            return;
        }

        lock (gate)
        {
            if (lowest is null || seed < lowest.Value.Seed)
            {
                lowest = (seed, broken.Checker, broken.Text);
            }
        }

        state.Break();
    });
    return lowest;
}

static (string Checker, string Text)? Broken(int seed)
{
    try
    {
        var violation = Simulator.Run(new SimulationOptions { Seed = (ulong)seed }).Violation;
        return violation is null ? null : (violation.Checker, violation.What);
    }
    catch (Exception e) when (e is not OutOfMemoryException)
    {
        return ("exception", e.GetType().Name + ": " + e.Message);
    }
}
#endif
