using System.Diagnostics;

namespace Tidemark.Simulation.Tests.Runs;

/// <summary>The simulator finds deliberate bugs; a build of its own has them. The whole table takes longer and is in docs/internals/testing.md.</summary>
public sealed class DeliberateBugTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(20);

    [Fact]
    [Trait("speed", "slow")]
    [Trait("req", "OPS-10")]
    public async Task Every_other_deliberate_bug_is_found()
    {
        var said = await RunAsync("run", "--configuration", "Release", "-p:TidemarkMutants=true", "--project", Path.Combine(Checkout.Root, "tests", "Tidemark.Simulation.Mutants"), "--", "--half", "--seeds", "150");
        Assert.Matches(@"(?<all>[1-9]\d*) of \k<all> found\s*$", said);
    }

    private static async Task<string> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { UseShellExecute = false, RedirectStandardOutput = true, WorkingDirectory = Checkout.Root };
        using var process = Process.Start(start)!;
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            return await process.StandardOutput.ReadToEndAsync(patience.Token);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
