using Tidemark.Simulation.Runs;
using Tidemark.Testing;

namespace Tidemark.Simulation.Tests.Runs;

public sealed class DeterminismTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(12)]
    [InlineData(33)]
    [Trait("req", "OPS-10")]
    public void A_seed_gives_the_same_run_byte_for_byte(ulong seed)
    {
        SystemSqlite.Use();
        var first = Simulator.Run(new SimulationOptions { Seed = seed });
        var second = Simulator.Run(new SimulationOptions { Seed = seed });

        Assert.Equal(first.Story, second.Story);
        Assert.Equal(first.Digest, second.Digest);
    }

    [Fact]
    public void Another_seed_gives_another_run()
    {
        SystemSqlite.Use();
        Assert.NotEqual(Simulator.Run(new SimulationOptions { Seed = 1 }).Digest, Simulator.Run(new SimulationOptions { Seed = 2 }).Digest);
    }
}
