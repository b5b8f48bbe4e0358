using Tidemark.Simulation.Health;

namespace Tidemark.Simulation.Tests.Checkers;

/// <summary>What is promised of rows made of workouts, over histories that break it and one that keeps it.</summary>
[Trait("req", "HLT-11")]
public sealed class HealthCheckerTests
{
    private static readonly WorkoutRow One = new("1", "w1", "Running");
    private static readonly WorkoutRow Two = new("2", "w2", "Yoga");

    [Fact]
    public void The_workout_checker_sees_a_workout_in_two_rows()
    {
        Assert.Empty(History.Of(new WorkoutChecker(), new WorkoutRowsSeen("A", [One, Two])));
        Assert.Single(History.Of(new WorkoutChecker(), new WorkoutRowsSeen("A", [One, Two, One with { Key = "3" }])));
    }

    [Fact]
    public void The_workout_checker_sees_one_without_a_row_one_that_was_deleted_and_places_that_differ()
    {
        Assert.Empty(History.Of(new WorkoutChecker(), Rest(["w1", "w2"], [], [One, Two])));
        Assert.Empty(History.Of(new WorkoutChecker(), Rest(["w1"], ["w2"], [One, Two]), Rest(["w1"], ["w2"], [One])));
        Assert.Equal(2, History.Of(new WorkoutChecker(), Rest(["w1", "w2"], [], [One])).Count);
        Assert.Equal(2, History.Of(new WorkoutChecker(), Rest(["w1"], [], [One, Two])).Count);
        Assert.Single(History.Of(new WorkoutChecker(), Rest(["w1"], [], [One], [One with { Key = "3" }])));
    }

    [Fact]
    public void The_workout_checker_sees_a_row_that_says_what_was_corrected_since() =>
        Assert.Equal(2, History.Of(new WorkoutChecker(), Rest(["w1"], [], [One with { Title = "Yoga" }])).Count);

    private static WorkoutsAtRest Rest(string[] living, string[] forgotten, WorkoutRow[] server, WorkoutRow[]? phone = null) =>
        new(living.ToDictionary(l => l, l => l == One.Sample ? One.Title : Two.Title, StringComparer.Ordinal), forgotten.ToHashSet(StringComparer.Ordinal), [("the server", server), ("A", phone ?? server)]);
}
