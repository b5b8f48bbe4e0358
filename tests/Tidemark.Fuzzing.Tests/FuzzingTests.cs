using Tidemark.Fuzzing.Engine;
using Tidemark.Testing;
using Xunit;

namespace Tidemark.Fuzzing.Tests;

/// <summary>The bounded part of the fuzzing: everything that was kept, and some seconds of search.</summary>
public sealed class FuzzingTests
{
    // The same inputs on every machine, or the first of them on a slow one: a search without end belongs to the command.
    private static readonly TimeSpan SearchTime = TimeSpan.FromSeconds(3);
    private const int SearchMax = 150;

    public static TheoryData<string> Names => [.. Targets.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("req", "SRV-07")]
    [Trait("req", "STO-15")]
    public void Everything_kept_ends_as_it_may_and_so_does_what_is_searched_in_seconds(string name)
    {
        SystemSqlite.Use();
        using var target = Targets.All[name]();
        var kept = Corpus.Read(name).ToList();
        var report = new Fuzzer(target, seed: 1).Run(kept, SearchTime, kept.Count + SearchMax);
        Assert.True(report.Findings.Count == 0, string.Join("\n\n", report.Findings.Select(f => $"{f.Message}\n{Convert.ToBase64String(f.Input)}")));
        Assert.True(report.Executions > 0);
    }
}
