using Tidemark.EndToEnd.Tests.Chinook;
using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Verbs;

public sealed class DemoTests
{
    [Fact]
    [Trait("req", "OPS-01")]
    public async Task The_demo_of_its_own_data_converges()
    {
        var result = (await TidemarkCommand.RunAsync("demo", "--exit")).Expect(0);
        Assert.Contains("Everything converged.", result.Output, StringComparison.Ordinal);
        Assert.Contains("kill -9", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "OPS-01")]
    [Trait("speed", "slow")]
    public async Task The_demo_of_a_database_nobody_here_wrote_converges_and_leaves_the_file_alone()
    {
        using var workspace = new Workspace();
        var path = ChinookFile.CopyTo(workspace.PathOf("chinook.db"));
        var before = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        var document = (await TidemarkCommand.RunAsync("demo", path, "--exit", "--json")).Expect(0).Json();
        Assert.True(document.GetProperty("converged").GetBoolean());
        Assert.Equal(ChinookFile.Tables, document.GetProperty("types").GetArrayLength());
        Assert.Equal(before, await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken));
    }

    [Fact]
    [Trait("req", "OPS-01")]
    public async Task Without_exit_the_server_goes_on_until_stopped()
    {
        await using var demo = TidemarkCommand.Start("demo");
        await demo.LineAsync(l => l.Contains("Ctrl-C", StringComparison.Ordinal), TimeSpan.FromSeconds(120), TestContext.Current.CancellationToken);
        Assert.False(demo.HasExited);
        demo.Signal(2);
        (await demo.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)).Expect(0);
    }

    [Fact]
    [Trait("req", "OPS-01")]
    public async Task A_demo_of_a_file_that_is_no_database_fails_with_the_reason()
    {
        using var workspace = new Workspace();
        await File.WriteAllTextAsync(workspace.PathOf("x.txt"), new string('x', 5000), TestContext.Current.CancellationToken);
        (await TidemarkCommand.RunAsync("demo", workspace.PathOf("x.txt"), "--exit")).Expect(1);
        (await TidemarkCommand.RunAsync("demo", workspace.PathOf("missing.db"), "--exit")).Expect(1);
    }
}
