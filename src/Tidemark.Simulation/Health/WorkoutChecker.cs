using Tidemark.Simulation.Checkers;

namespace Tidemark.Simulation.Health;

/// <summary>A row of the app that was made of a workout.</summary>
internal readonly record struct WorkoutRow(string Key, string Sample, string Title);

/// <summary>The rows of a phone, at any time.</summary>
internal sealed record WorkoutRowsSeen(string Phone, IReadOnlyList<WorkoutRow> Rows) : Observation;

/// <summary>Everybody has heard of everything, and rows were synced.</summary>
/// <param name="Living">The workouts that are to be rows, with their titles.</param>
/// <param name="Forgotten">Those that may be: they were deleted, and a source forgot it before anybody looked.</param>
/// <param name="Places">The rows of each phone and of the server.</param>
internal sealed record WorkoutsAtRest(IReadOnlyDictionary<string, string> Living, IReadOnlySet<string> Forgotten, IReadOnlyList<(string Place, IReadOnlyList<WorkoutRow> Rows)> Places) : Observation;

/// <summary>Each workout is a row once, under one key everywhere, and none is left of one that was deleted.</summary>
internal sealed class WorkoutChecker : IChecker
{
    public string Name => "workouts";

    public void Observe(Observation seen, Action<string> violation)
    {
        if (seen is WorkoutRowsSeen rows)
        {
            Once(rows.Phone, rows.Rows, violation);
        }
        else if (seen is WorkoutsAtRest rest)
        {
            foreach (var (place, there) in rest.Places)
            {
                Once(place, there, violation);
                var samples = there.Select(r => r.Sample).ToHashSet(StringComparer.Ordinal);
                First(rest.Living.Keys.Except(samples), s => violation($"{place} has no row of the workout {s}"));
                First(samples.Except(rest.Living.Keys).Except(rest.Forgotten), s => violation($"{place} has a row of the workout {s}, which was deleted"));
                First(there.Where(r => rest.Living.TryGetValue(r.Sample, out var title) && title != r.Title).Select(r => $"{r.Title} of the workout {r.Sample}, which is {rest.Living[r.Sample]}"), r => violation($"{place} says {r}"));
                First(there.Except(rest.Places[0].Rows).Concat(rest.Places[0].Rows.Except(there)).Select(r => r.ToString()), r => violation($"{place} and {rest.Places[0].Place} differ in {r}"));
            }
        }
    }

    private static void Once(string place, IReadOnlyList<WorkoutRow> rows, Action<string> violation) =>
        First(rows.GroupBy(r => r.Sample).Where(g => g.Count() > 1).Select(g => g.Key), s => violation($"{place} has the workout {s} in several rows"));

    private static void First(IEnumerable<string> broken, Action<string> call)
    {
        foreach (var one in broken.Order(StringComparer.Ordinal).Take(1))
        {
            call(one);
        }
    }
}
