using Tidemark.Simulation.Clock;

namespace Tidemark.Simulation.Runs;

/// <summary>Everything that a run's seed decides before it begins: its shape and its steps, in order of time.</summary>
internal sealed record Plan(SimulationOptions Options, Shape Shape, IReadOnlyList<Step> Steps)
{
    private const int StepsPerDeviceDay = 14;

    public static Plan Make(SimulationOptions options)
    {
        var dice = new Dice(Dice.Mix(options.Seed, 1));
        var shape = Shape.Make(dice, options);
        var count = options.Steps ?? (int)(shape.Devices * shape.Days * StepsPerDeviceDay * (0.5 + (dice.Below(100) / 100.0)));
        var length = TimeSpan.FromDays(shape.Days).Ticks;
        var kinds = Chosen(options, dice);
        var steps = new List<Step>();
        var at = 0L;
        for (var number = 0; number < count; number++)
        {
            // Most steps come in rushes, when everybody has the app open; between them hours go by.
            at += dice.Chance(0.8) ? dice.Below(TimeSpan.FromSeconds(4).Ticks) : dice.Below(Math.Max(1, 10 * length / count));
            steps.Add(new Step(number, at, Pick(kinds, dice).Name, dice.Below(shape.Devices), dice.Next()));
        }

        return new Plan(options, shape, steps);
    }

    // Each run has its own mix of faults: some days have one kind only.
    private static List<IStepKind> Chosen(SimulationOptions options, Dice dice)
    {
        var share = dice.Pick([0.15, 0.4, 1.0]);
        var kinds = new List<IStepKind>();
        foreach (var kind in StepKinds.All.Where(k => Workloads.Has(options.Workload, k.Since)))
        {
            var struck = dice.Chance(share);
            if (!kind.IsFault || (struck && options.Faults is null) || options.Faults?.Contains(kind.Name, StringComparer.Ordinal) == true)
            {
                kinds.Add(kind);
            }
        }

        return kinds;
    }

    private static IStepKind Pick(List<IStepKind> kinds, Dice dice)
    {
        var left = dice.Below(kinds.Sum(k => k.Weight));
        return kinds.First(k => (left -= k.Weight) < 0);
    }
}
