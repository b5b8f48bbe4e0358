#if !TIDEMARK_MUTANTS
Console.Error.WriteLine("This build has no deliberate bugs. Run: dotnet run -c Release -p:TidemarkMutants=true --project tests/Tidemark.Simulation.Mutants");
return 2;
#else
using System.Diagnostics;
using System.Globalization;
using Tidemark.Model;
using Tidemark.Simulation.Runs;
using Tidemark.Testing;

// Shows that the simulator finds every deliberate bug: dotnet run -p:TidemarkMutants=true --project tests/Tidemark.Simulation.Mutants -- [--seeds N] [--only NAME]... [--half]
// --half takes every other one, without those that take long. Bugs in merging are looked for in the third workload, which has policies, those of leases, hints and receipts in the fourth, those of merged duplicates in the sixth, those of health data in the eighth, those of several remotes in the ninth, those of catalogs and snapshots in the eleventh, those of lost answers in the twelfth; the others in the first. Ends with 1 when one is not found within the seeds.
SystemSqlite.Use();
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var seeds = Number("--seeds", 300);
var only = args.Zip(args.Skip(1)).Where(a => a.First == "--only").Select(a => a.Second).ToHashSet(StringComparer.OrdinalIgnoreCase);
Mutant[] slow = [Mutant.OlderVersionApplied, Mutant.DeletionForgotten, Mutant.UnknownFateIgnored, Mutant.ArrayRemovalIgnored, Mutant.TextDropsOtherSide, Mutant.EmptiedTakesRows, Mutant.TokenBeforeRows, Mutant.RuleDecidesAlone, Mutant.HealthRowsBehindAnchor, Mutant.CatalogOlderFileTaken, Mutant.CatalogGoneRowsStay]; // The seeds that find them are rare.
var mutants = Enum.GetValues<Mutant>().Where(m => m != Mutant.None && (only.Count == 0 || only.Contains(m.ToString()))).Where((m, i) => !args.Contains("--half") || (i % 2 == 1 && !slow.Contains(m))).ToList();
var missed = 0;
var found = 0;

// Seeds that break a promise without any bug prove nothing: each that finds one is run without it, too.
var sound = new Dictionary<(int Workload, int Seed), bool>();

Console.WriteLine("| bug | found by seed | promise that was broken | what was seen |");
Console.WriteLine("|---|---:|---|---|");
foreach (var mutant in mutants)
{
    var started = Stopwatch.GetTimestamp();
    if (FindSound(mutant) is { } seen)
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

var open = sound.Where(s => !s.Value).Select(s => s.Key).Order().Select(s => s.Workload == Workloads.Preset ? $"{s.Seed}" : $"{s.Seed} (workload {s.Workload})").ToList();
if (open.Count > 0)
{
    Console.WriteLine($"Seeds that break a promise without any bug were left out: {string.Join(", ", open)}");
}

Console.WriteLine($"{found} of {mutants.Count} found");
return missed == 0 ? 0 : 1;

int Number(string name, int otherwise) =>
    args.Zip(args.Skip(1)).FirstOrDefault(a => a.First == name).Second is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

(int Seed, string Checker, string Text)? FindSound(Mutant mutant)
{
    var workload = Mutants.NeedsLostAnswers(mutant) ? Workloads.Twelfth : Mutants.NeedsCatalog(mutant) ? Workloads.Eleventh : Mutants.NeedsRemotes(mutant) ? Workloads.Ninth : Mutants.NeedsHealth(mutant) ? Workloads.Eighth : Mutants.NeedsSpaces(mutant) ? Workloads.Fifth : Mutants.NeedsDuplicates(mutant) ? Workloads.Sixth : Mutants.NeedsService(mutant) ? Workloads.Fourth : Mutants.NeedsPolicies(mutant) ? Workloads.Third : Workloads.Preset;
    for (var first = 1; first <= seeds; )
    {
        Mutants.Active = mutant;
        if (Find(workload, first, seeds) is not { } seen)
        {
            return null;
        }

        Mutants.Active = Mutant.None;
        if (sound.TryGetValue((workload, seen.Seed), out var holds) ? holds : sound[(workload, seen.Seed)] = Broken(workload, seen.Seed) is null)
        {
            return seen;
        }

        first = seen.Seed + 1;
    }

    return null;
}

// The lowest seed that breaks a promise; seeds are shared out to the processors.
static (int Seed, string Checker, string Text)? Find(int workload, int first, int last)
{
    (int Seed, string Checker, string Text)? lowest = null;
    var gate = new Lock();
    Parallel.For(first, last + 1, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, (seed, state) =>
    {
        if (state.ShouldExitCurrentIteration || Broken(workload, seed) is not { } broken)
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

static (string Checker, string Text)? Broken(int workload, int seed)
{
    try
    {
        var violation = Simulator.Run(new SimulationOptions { Seed = (ulong)seed, Workload = workload }).Violation;
        return violation is null ? null : (violation.Checker, violation.What);
    }
    catch (Exception e) when (e is not OutOfMemoryException)
    {
        return ("exception", e.GetType().Name + ": " + e.Message);
    }
}
#endif
