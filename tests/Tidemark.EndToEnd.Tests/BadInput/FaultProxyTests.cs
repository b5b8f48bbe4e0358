using Tidemark.Torture.Faults;

namespace Tidemark.EndToEnd.Tests.BadInput;

/// <summary>A part of what `tests/Tidemark.Torture proxy` does: testing.md says how to run all of it, and what came of it.</summary>
public sealed class FaultProxyTests
{
    [Fact]
    [Trait("req", "RUN-10")]
    [Trait("req", "PUSH-04")]
    [Trait("req", "PUSH-08")]
    [Trait("speed", "slow")]
    public async Task Requests_dropped_cut_delayed_doubled_refused_and_answered_by_strangers_end_with_equal_devices_and_books_that_add_up()
    {
        Testing.SystemSqlite.Use();
        var result = await ProxyRuns.RunAsync(seed: 1001, runs: 20);
        Assert.True(result.Broken.Count == 0, string.Join('\n', result.Broken.Select(b => $"seed {b.Key}: {b.Value}")));
        Assert.Equal(Enum.GetNames<ProxyFault>().Order(StringComparer.Ordinal), result.Faults.Keys);
    }
}
