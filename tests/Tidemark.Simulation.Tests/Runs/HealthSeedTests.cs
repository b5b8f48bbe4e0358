using Tidemark.Simulation.Runs;
using Tidemark.Testing;

namespace Tidemark.Simulation.Tests.Runs;

/// <summary>Health data over weeks of virtual time: what the plan of health data asks for, on the real code.</summary>
public sealed class HealthSeedTests
{
    private const int Seeds = 7;

    [Fact]
    [Trait("req", "HLT-02")]
    [Trait("req", "HLT-03")]
    [Trait("req", "HLT-11")]
    public void The_first_seeds_of_health_data_hold_every_promise_and_what_was_measured_of_the_targets()
    {
        SystemSqlite.Use();
        var results = Enumerable.Range(1, Seeds).Select(seed => Simulator.Run(new SimulationOptions { Seed = (ulong)seed, Workload = Workloads.Eighth })).ToList();
        Assert.True(results.TrueForAll(r => r.Violation is null), string.Join('\n', results.Where(r => r.Violation is not null).Select(r => $"tidemark simulate --seed {r.Seed} --workload {Workloads.Eighth} --trace: {r.Violation}")));
        Assert.True(results.Sum(r => r.FaultsMet.GetValueOrDefault("kill")) > 10);
        Assert.True(results.Sum(r => r.FaultsMet.GetValueOrDefault("late")) > 0);

        var (tried, done) = (results.Sum(r => r.Health!.ImmediateTried), results.Sum(r => r.Health!.ImmediateDone));
        Assert.True(tried > 100 && done >= 0.95 * tried, $"immediate success: {done} of {tried}");
        var (prompt, time) = (results.Sum(r => r.Health!.PromptSamples), results.Aggregate(TimeSpan.Zero, (sum, r) => sum + r.Health!.PromptTime));
        Assert.True(prompt > 1000 && time / prompt < TimeSpan.FromSeconds(5), $"average latency: {time / Math.Max(1, prompt)} of {prompt}");
        var (late, within) = (results.Sum(r => r.Health!.LateSamples), results.Sum(r => r.Health!.LateWithinDay));
        Assert.True(late > 100 && within >= 0.99 * late, $"recovery within 24 h: {within} of {late}");
    }

    [Fact]
    public void A_seed_of_health_data_is_the_same_run_twice()
    {
        SystemSqlite.Use();
        var options = new SimulationOptions { Seed = 3, Workload = Workloads.Eighth, Steps = 60 };
        Assert.Equal(Simulator.Run(options).Digest, Simulator.Run(options).Digest);
    }
}
