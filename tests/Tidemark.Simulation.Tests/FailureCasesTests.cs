using System.Text.RegularExpressions;
using Tidemark.Simulation.Runs;

namespace Tidemark.Simulation.Tests;

/// <summary>What docs/internals/failure-cases.md says is tested by something is.</summary>
public sealed partial class FailureCasesTests
{
    private static readonly string Page = File.ReadAllText(Path.Combine(Checkout.Root, "docs", "internals", "failure-cases.md"));

    [Fact]
    public void Every_test_that_the_page_names_is_there()
    {
        var sources = Directory.EnumerateFiles(Path.Combine(Checkout.Root, "tests"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText).ToList();
        var names = TestName().Matches(Page).Select(m => m.Groups[1].Value).Distinct(StringComparer.Ordinal).ToList();
        Assert.True(names.Count > 60);
        Assert.All(names, n => Assert.True(sources.Exists(s => s.Contains(" " + n + "(", StringComparison.Ordinal)), n));
    }

    [Fact]
    public void Every_fault_of_the_simulator_is_known_by_its_name()
    {
        var said = Page + File.ReadAllText(Path.Combine(Checkout.Root, "docs", "internals", "testing.md"));
        Assert.All(Simulator.FaultNames, n => Assert.Contains(n, said, StringComparison.Ordinal));
    }

    [GeneratedRegex("`([A-Z][A-Za-z0-9]*_[A-Za-z0-9_]+)`", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex TestName();
}
