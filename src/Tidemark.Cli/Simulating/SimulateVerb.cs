using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using Tidemark.Cli.Output;
using Tidemark.Cli.Running;
using Tidemark.Simulation.Health;
using Tidemark.Simulation.Runs;

namespace Tidemark.Cli.Simulating;

internal static class SimulateVerb
{
    private const int RunsPreset = 20;
    private const int TalesMax = 3;
    private const int TaleRunsMax = 120;

    public static Command Create()
    {
        var seed = new Option<ulong>("--seed") { Description = "The first seed. Each seed is one run, the same on every machine.", HelpName = "N", DefaultValueFactory = _ => 1 };
        var runs = new Option<int?>("--runs") { Description = $"How many seeds, one after the other. Default: {RunsPreset}, or 1 when a seed is given.", HelpName = "N" };
        var devices = new Option<int?>("--devices") { Description = "How many devices. Default: 2 to 5, as the seed says. Not for workloads 5 and 7 to 10, which have their own.", HelpName = "N" };
        var steps = new Option<int?>("--steps") { Description = "How many steps. Default: as the seed says, about ten device-days.", HelpName = "N" };
        var faults = new Option<string?>("--faults") { Description = "Only these faults, separated by commas; none for a sunny world. Not for workloads 5 and 7 to 10, which have their own. Known: " + string.Join(", ", Simulator.FaultNames) + ".", HelpName = "LIST" };
        var workload = new Option<int>("--workload") { Description = $"Which workload, {Workloads.First} to {Workloads.Newest}: what a seed means. Default: {Workloads.Preset}.", HelpName = "N", DefaultValueFactory = _ => Workloads.Preset };
        var trace = new Option<bool>("--trace") { Description = "Tell the story of each run, and search longer for the shortest story of one that breaks a promise." };
        var whole = new Option<bool>("--whole") { Description = "Tell the whole story of a run that breaks a promise, as it is, instead of searching for the shortest." };
        var twice = new Option<bool>("--twice") { Description = "Run each seed twice and compare, byte for byte." };
        return Verb.Create("simulate", "Run devices, a server, networks, disks and clocks that fail, around the real client and server, and check every promise. Exit code 1 when one is broken.",
                seed, runs, devices, steps, faults, workload, trace, whole, twice)
            .Runs((context, cancellationToken) =>
            {
                var plan = new Wanted(
                    context.Get(seed), context.Get(runs) ?? (context.Arguments.GetResult(seed) is { Implicit: false } ? 1 : RunsPreset), context.Get(devices), context.Get(steps),
                    FaultsOf(context.Get(faults)), WorkloadOf(context.Get(workload)), context.Get(trace), context.Get(whole), context.Get(twice));
                if (Workloads.IsWorldOfItsOwn(plan.Workload) && (plan.Devices is not null || plan.Faults is not null))
                {
                    throw VerbException.Usage($"Workload {plan.Workload} is a world of its own, with its own devices and faults: --devices and --faults are not for it.");
                }

                return Task.FromResult(Run(context.Out, plan, cancellationToken));
            });
    }

    private static int WorkloadOf(int number) =>
        number is >= Workloads.First and <= Workloads.Newest ? number : throw VerbException.Usage($"There is no workload {number}. Known: {Workloads.First} to {Workloads.Newest}.");

    private static IReadOnlyList<string>? FaultsOf(string? list)
    {
        if (list is null)
        {
            return null;
        }

        var names = list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Where(n => !string.Equals(n, "none", StringComparison.Ordinal)).ToList();
        return names.Find(n => !Simulator.FaultNames.Contains(n, StringComparer.Ordinal)) is { } unknown
            ? throw VerbException.Usage($"There is no fault '{unknown}'. Known: {string.Join(", ", Simulator.FaultNames)}.")
            : names;
    }

    private static ExitCode Run(Out output, Wanted wanted, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var totals = new Totals();
        var broken = new List<object>();
        var all = Enumerable.Range(0, wanted.Runs).AsParallel().AsOrdered().WithMergeOptions(ParallelMergeOptions.NotBuffered).WithCancellation(cancellationToken).Select(i => Play(wanted, wanted.Seed + (ulong)i));
        foreach (var (options, result) in all)
        {
            totals.Add(result);
            if (result.Violation is { } violation)
            {
                broken.Add(new { seed = options.Seed, checker = violation.Checker, what = violation.What, replay = wanted.Replay(options.Seed) });
                ShowBroken(output, wanted, options, result, tell: wanted.Trace || wanted.Whole || broken.Count <= TalesMax);
            }
            else if (wanted.Trace)
            {
                Tell(output, result);
            }
        }

        Show(output, totals, broken.Count, Stopwatch.GetElapsedTime(started), broken);
        return broken.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    // A seed is run by one thread, from its first step to the last; what it is does not hang on what the others do meanwhile.
    private static (SimulationOptions Options, SimulationResult Result) Play(Wanted wanted, ulong seed)
    {
        var options = new SimulationOptions { Seed = seed, Devices = wanted.Devices, Steps = wanted.Steps, Faults = wanted.Faults, Workload = wanted.Workload };
        var result = Simulator.Run(options);
        if (wanted.Twice && Simulator.Run(options).Digest is var again && again != result.Digest)
        {
            result = result with { Violation = new Violation("determinism", $"the second run differs: {result.Digest} and {again}") };
        }

        return (options, result.Violation is null && !wanted.Trace ? result with { Story = [] } : result);
    }

    // A story takes up to a hundred runs: of many broken ones, only the first are told.
    private static void ShowBroken(Out output, Wanted wanted, SimulationOptions options, SimulationResult result, bool tell)
    {
        var violation = result.Violation!;
        output.Markup($"[red]broken[/] seed {options.Seed}: {violation.Checker.EscapeMarkup()}: {violation.What.EscapeMarkup()}");
        output.Line($"         replay: {wanted.Replay(options.Seed)}");
        if (wanted.Whole)
        {
            Tell(output, result);
        }
        else if (tell && violation.Checker != "determinism")
        {
            var shortest = wanted.Trace ? Simulator.Shrink(options) : Simulator.Shrink(options, TaleRunsMax);
            output.Line($"The shortest schedule found has {shortest.Steps} steps and breaks this: {shortest.Violation?.What}");
            Tell(output, shortest);
        }
    }

    private static void Tell(Out output, SimulationResult result)
    {
        output.Line($"seed {result.Seed.ToString(CultureInfo.InvariantCulture)}, digest {result.Digest}");
        foreach (var line in result.Story)
        {
            output.Line("  " + line);
        }
    }

    private static void Show(Out output, Totals totals, int broken, TimeSpan elapsed, List<object> list)
    {
        var never = Simulator.FaultNames.Where(n => !totals.Faults.ContainsKey(n)).ToList();
        using var process = Process.GetCurrentProcess();
        var peakBytes = process.PeakWorkingSet64;
        var perSecond = totals.DeviceDays / Math.Max(0.001, elapsed.TotalSeconds);
        output.Line($"{totals.Runs:N0} runs: {totals.DeviceDays:N0} device-days, {totals.Edits:N0} edits, {totals.Syncs:N0} syncs in {elapsed.TotalSeconds:N1} s ({perSecond:N0} device-days a second)");
        output.Line($"memory at most {peakBytes / (1024 * 1024):N0} MB");
        output.Line("faults met: " + (totals.Faults.Count == 0 ? "none" : string.Join(", ", totals.Faults.Select(f => $"{f.Key} {f.Value:N0}"))));
        output.Line("faults never met: " + (never.Count == 0 ? "none" : string.Join(", ", never)));
        if (totals.Health is { Samples: > 0 } health)
        {
            output.Line($"health data: {health.Samples:N0} samples; {health.ImmediateDone / (double)Math.Max(1, health.ImmediateTried):P1} of {health.ImmediateTried:N0} immediate batches arrived while the network was there, {(health.PromptTime / Math.Max(1, health.PromptSamples)).TotalSeconds:N1} s from sample to server on average; {health.LateWithinDay / (double)Math.Max(1, health.LateSamples):P1} of {health.LateSamples:N0} later ones within a day");
        }

        output.Markup(broken == 0 ? "[green]Every promise held.[/]" : $"[red]{broken} runs broke a promise.[/]");
        output.Document(new
        {
            outcome = broken == 0 ? "done" : "failed",
            runs = totals.Runs,
            deviceDays = totals.DeviceDays,
            edits = totals.Edits,
            syncs = totals.Syncs,
            durationMs = (long)elapsed.TotalMilliseconds,
            deviceDaysPerSecond = Math.Round(perSecond, 1),
            faults = totals.Faults,
            faultsNeverMet = never,
            memoryBytesMax = peakBytes,
            violations = list,
        });
    }

    private sealed record Wanted(ulong Seed, int Runs, int? Devices, int? Steps, IReadOnlyList<string>? Faults, int Workload, bool Trace, bool Whole, bool Twice)
    {
        public string Replay(ulong seed) =>
            string.Create(CultureInfo.InvariantCulture, $"tidemark simulate --seed {seed} --workload {Workload}")
            + (Devices is { } d ? string.Create(CultureInfo.InvariantCulture, $" --devices {d}") : "")
            + (Steps is { } s ? string.Create(CultureInfo.InvariantCulture, $" --steps {s}") : "")
            + (Faults is { } f ? $" --faults {(f.Count == 0 ? "none" : string.Join(',', f))}" : "") + " --trace";
    }

    private sealed class Totals
    {
        public int Runs { get; private set; }

        public long DeviceDays { get; private set; }

        public long Edits { get; private set; }

        public long Syncs { get; private set; }

        /// <summary>Of a workload with health data.</summary>
        public HealthFigures Health { get; } = new();

        public SortedDictionary<string, long> Faults { get; } = new(StringComparer.Ordinal);

        public void Add(SimulationResult result)
        {
            Runs++;
            DeviceDays += result.DeviceDays;
            Edits += result.Edits;
            Syncs += result.Syncs;
            if (result.Health is { } health)
            {
                Health.Add(health);
            }

            foreach (var (name, count) in result.FaultsMet)
            {
                Faults[name] = Faults.GetValueOrDefault(name) + count;
            }
        }
    }
}
