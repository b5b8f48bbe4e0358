using Tidemark.Simulation.Runs;
using Tidemark.Testing;

namespace Tidemark.Simulation.Tests.Runs;

/// <summary>Several remotes over random histories: the ninth workload.</summary>
public sealed class SeveralSeedTests
{
    private const int Seeds = 10;
    private const int WideSeeds = 8;

    [Fact]
    [Trait("req", "REM-01")]
    [Trait("req", "REM-02")]
    [Trait("req", "REM-03")]
    [Trait("req", "REM-04")]
    [Trait("req", "REM-05")]
    [Trait("req", "REM-07")]
    [Trait("req", "REM-08")]
    public void The_first_seeds_of_several_remotes_hold_every_promise()
    {
        SystemSqlite.Use();
        var results = Enumerable.Range(1, Seeds).Select(seed => Simulator.Run(new SimulationOptions { Seed = (ulong)seed, Workload = Workloads.Ninth })).ToList();
        Assert.True(results.TrueForAll(r => r.Violation is null), string.Join('\n', results.Where(r => r.Violation is not null).Select(r => $"tidemark simulate --seed {r.Seed} --workload {Workloads.Ninth} --trace: {r.Violation}")));
        Assert.All(["kill", "is down", "is emptied", "will lose the next answer", "other writers", "broken connection", "row changed by two", "run in another one", "key that comes late"], fault => Assert.True(results.Sum(r => r.FaultsMet.GetValueOrDefault(fault)) > 0, fault));
    }

    [Fact]
    [Trait("req", "REM-02")]
    [Trait("req", "REM-05")]
    [Trait("req", "REM-07")]
    public void The_first_seeds_with_changed_keys_other_accounts_and_a_remote_without_stamps_hold_every_promise()
    {
        SystemSqlite.Use();
        var results = Enumerable.Range(1, WideSeeds).Select(seed => Simulator.Run(new SimulationOptions { Seed = (ulong)seed, Workload = Workloads.Tenth })).ToList();
        Assert.True(results.TrueForAll(r => r.Violation is null), string.Join('\n', results.Where(r => r.Violation is not null).Select(r => $"tidemark simulate --seed {r.Seed} --workload {Workloads.Tenth} --trace: {r.Violation}")));
        Assert.All(["key changed", "another account", "account is back", "deleted for good by others"], fault => Assert.True(results.Sum(r => r.FaultsMet.GetValueOrDefault(fault)) > 0, fault));
    }

    [Theory]
    [InlineData(1632)] // What stood in a deleted row decided alone.
    [InlineData(2183)] // The truth took an edit for one that keeps a row, although a later one had taken its place.
    [Trait("req", "REM-02")]
    public void Seeds_of_several_remotes_that_once_broke_a_promise_hold(int seed)
    {
        SystemSqlite.Use();
        Assert.Null(Simulator.Run(new SimulationOptions { Seed = (ulong)seed, Workload = Workloads.Ninth }).Violation);
    }

    [Fact]
    public void A_seed_of_several_remotes_is_the_same_run_twice()
    {
        SystemSqlite.Use();
        var options = new SimulationOptions { Seed = 4, Workload = Workloads.Ninth };
        Assert.Equal(Simulator.Run(options).Digest, Simulator.Run(options).Digest);
    }
}
