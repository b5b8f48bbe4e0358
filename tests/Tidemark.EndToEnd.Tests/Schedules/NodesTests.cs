using Tidemark.Testing.Postgres;
using Tidemark.Torture.Nodes;

namespace Tidemark.EndToEnd.Tests.Schedules;

/// <summary>A small form of `tests/Tidemark.Torture nodes`: testing.md says how to run all of it, and what came of it.</summary>
public sealed class NodesTests
{
    [Fact]
    [Trait("req", "SRV-02")]
    [Trait("req", "SRV-09")]
    [Trait("req", "SRV-12")]
    [Trait("speed", "slow")]
    public async Task Three_nodes_are_killed_the_database_is_restarted_and_each_node_is_drained_and_nothing_is_lost_or_doubled()
    {
        Testing.SystemSqlite.Use();
        _ = PostgresCluster.Instance.Port; // Skips where PostgreSQL is missing.
        var result = await NodeRuns.RunAsync(seed: 7, devices: 12, TestContext.Current.TestOutputHelper is { } output ? output.WriteLine : null);
        Assert.True(result.Rows > 12);
        Assert.Equal(0, result.FailedByDraining);
    }
}
