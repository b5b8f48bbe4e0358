namespace Tidemark.Simulation.Runs;

/// <summary>
/// Looks for the shortest schedule that breaks the same promise: leaves out ever smaller parts of the plan as long as the rest still fails.
/// Every step has its own seed, so what is left out changes nothing of what remains but its circumstances.
/// </summary>
internal sealed class Shrinker(Plan plan, string checker, int runsMax)
{
    private int _runs;

    /// <summary>The shortest plan found, and its run.</summary>
    public (Plan Plan, SimulationResult Result) Shrink(SimulationResult failed)
    {
        var best = (Plan: plan, Result: failed);
        foreach (var calmer in Calmer(plan.Shape))
        {
            Try(ref best, best.Plan with { Shape = calmer(best.Plan.Shape) });
        }

        var part = Math.Max(1, best.Plan.Steps.Count / 2);
        while (_runs < runsMax)
        {
            var shorter = false;
            for (var from = 0; from < best.Plan.Steps.Count && _runs < runsMax; from += shorter ? 0 : part)
            {
                shorter = Try(ref best, best.Plan with { Steps = [.. best.Plan.Steps.Where((_, i) => i < from || i >= from + part)] });
            }

            if (part == 1 && !shorter)
            {
                break;
            }

            part = Math.Max(1, part / 2);
        }

        return best;
    }

    private static IEnumerable<Func<Shape, Shape>> Calmer(Shape shape)
    {
        if (shape.BusyApp > 0)
        {
            yield return s => s with { BusyApp = 0 };
        }

        if (shape.ForgetsProcesses)
        {
            yield return s => s with { ForgetsProcesses = false };
        }

        if (shape.WorkTicks > 0)
        {
            yield return s => s with { WorkTicks = 0 };
        }

        if (shape.Users.Count > 1)
        {
            yield return s => s with { Users = [s.Users[0]] };
        }
    }

    private bool Try(ref (Plan Plan, SimulationResult Result) best, Plan candidate)
    {
        _runs++;
        var result = Simulator.Run(candidate);
        if (!string.Equals(result.Violation?.Checker, checker, StringComparison.Ordinal))
        {
            return false;
        }

        best = (candidate, result);
        return true;
    }
}
