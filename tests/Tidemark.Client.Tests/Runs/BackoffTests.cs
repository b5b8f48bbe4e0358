using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;

namespace Tidemark.Client.Tests.Runs;

public sealed class BackoffTests
{
    [Fact]
    [Trait("req", "RUN-10")]
    public void Delays_are_spread_below_a_bound_that_doubles_up_to_its_limit()
    {
        var backoff = new Backoff { FirstDelayMs = 100, DelayMaxMs = 1500 };
        foreach (var (attempts, bound) in new[] { (1, 100), (2, 200), (3, 400), (4, 800), (5, 1500), (60, 1500), (int.MaxValue, 1500) })
        {
            var delays = Enumerable.Range(0, 200).Select(_ => backoff.DelayMs(attempts, SyncEnvironment.System)).ToList();
            Assert.All(delays, delay => Assert.InRange(delay, 0, bound));
            Assert.True(delays.Distinct().Count() > 20, "No jitter: devices would come back in step.");
            Assert.True(delays.Max() > bound / 2, "The bound is not used.");
        }
    }
}
