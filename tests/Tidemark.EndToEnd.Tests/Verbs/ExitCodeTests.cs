using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.Verbs;

/// <summary>The exit codes that scripts rely on, and help.</summary>
public sealed class ExitCodeTests
{
    public static TheoryData<string> Verbs =>
        ["serve", "token", "adopt", "clone", "sync", "watch", "status", "history", "outbox", "dead-letters", "conflicts", "duplicates", "aside", "cursors", "verify", "doctor", "model", "demo"];

    [Theory]
    [MemberData(nameof(Verbs))]
    [Trait("req", "OPS-01")]
    public async Task Every_verb_has_help(string verb)
    {
        var result = (await TidemarkCommand.RunAsync(verb, "--help")).Expect(0);
        Assert.Contains("Usage:", result.Output, StringComparison.Ordinal);
        Assert.Contains("--json", result.Output, StringComparison.Ordinal);
        Assert.Contains(verb, (await TidemarkCommand.RunAsync("--help")).Expect(0).Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("sync")]
    [InlineData("sync a.db")]
    [InlineData("sync a.db --server http://127.0.0.1:9")]
    [InlineData("sync a.db --server nonsense --token x")]
    [InlineData("sync a.db --server http://127.0.0.1:9 --token x --push-only --pull-only")]
    [InlineData("token --data x")]
    [InlineData("token --data x --user ada --expires soon")]
    [InlineData("adopt a.db --first-sync nonsense")]
    [InlineData("status a.db b.db")]
    [InlineData("dead-letters")]
    [InlineData("dead-letters show a.db")]
    [InlineData("model")]
    [InlineData("model diff a.json")]
    [InlineData("simulate --workload 9 --faults crash")]
    [InlineData("simulate --workload 5 --devices 3")]
    [Trait("req", "OPS-01")]
    public async Task A_command_line_that_cannot_be_understood_is_exit_code_2(string line)
    {
        using var workspace = new Workspace();
        var result = (await TidemarkCommand.RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries))).Expect(2);
        Assert.NotEqual("", result.Output + result.Errors);
        Assert.DoesNotContain("   at ", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "OPS-01")]
    public async Task A_usage_error_with_json_is_a_document_too()
    {
        var error = (await TidemarkCommand.RunAsync("sync", "--json")).Expect(2).Json().GetProperty("error");
        Assert.Equal("USAGE", error.GetProperty("code").GetString());
        Assert.Equal(2, error.GetProperty("exitCode").GetInt32());
    }

    [Fact]
    [Trait("req", "OPS-01")]
    public async Task Server_and_token_may_come_from_the_environment()
    {
        var (world, first, _) = await World.NotesAsync();
        await using var _1 = world;
        var environment = new Dictionary<string, string?>(StringComparer.Ordinal) { ["TIDEMARK_SERVER"] = first.Server, ["TIDEMARK_TOKEN"] = first.Token };
        await using var process = TidemarkCommand.StartWith(environment, "sync", first.Database);
        (await process.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken)).Expect(0);
    }

    [Fact]
    [Trait("req", "OPS-01")]
    [Trait("req", "PUSH-08")]
    public async Task A_dead_letter_is_exit_code_3_and_can_be_shown_exported_retried_and_discarded()
    {
        var (world, first, second) = await World.NotesAsync();
        await using var _ = world;
        await MakeDeadLetterAsync(first, second);
        var report = (await second.RunAsync("sync", "--json")).Expect(3).Json();
        Assert.Equal(1, report.GetProperty("deadLetters").GetInt64());
        (await second.RunLocalAsync("status")).Expect(3);
        var list = (await TidemarkCommand.RunAsync("dead-letters", second.Database, "--json")).Expect(0).Json().GetProperty("deadLetters");
        var letter = Assert.Single(list.EnumerateArray());
        Assert.Equal("folders", letter.GetProperty("type").GetString());
        Assert.NotEqual("", letter.GetProperty("reason").GetString());
        var id = letter.GetProperty("id").GetString()!;

        (await TidemarkCommand.RunAsync("dead-letters", "show", second.Database, id)).Expect(0);
        (await TidemarkCommand.RunAsync("dead-letters", "show", second.Database, "no-such-id")).Expect(1);
        var file = world.Workspace.PathOf("letters.json");
        (await TidemarkCommand.RunAsync("dead-letters", "export", second.Database, "--out", file)).Expect(0);
        Assert.Contains(id, await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), StringComparison.Ordinal);

        (await TidemarkCommand.RunAsync("dead-letters", second.Database, "retry", id)).Expect(0);
        Assert.Equal(1, (await second.RunAsync("sync", "--json")).Expect(3).Json().GetProperty("deadLetters").GetInt64());

        (await TidemarkCommand.RunAsync("dead-letters", second.Database, "discard", "all")).Expect(0);
        await Convergence.SyncUntilQuietAsync(first, second);
        await TableComparison.AssertEqualAsync(first.Database, second.Database);
        (await second.RunLocalAsync("status")).Expect(0);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(15)]
    [Trait("req", "OPS-01")]
    [Trait("req", "SRV-12")]
    public async Task A_stop_signal_ends_the_server_cleanly(int signal)
    {
        await using var world = await World.StartAsync();
        world.Server.Process.Signal(signal);
        (await world.Server.Process.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)).Expect(0);
    }

    // Both devices name a folder alike while they are apart; the later one is refused for good.
    private static async Task MakeDeadLetterAsync(Device first, Device second)
    {
        await SqliteShell.RunAsync(first.Database, "INSERT INTO folders VALUES(10, 'same');");
        await SqliteShell.RunAsync(second.Database, "INSERT INTO folders VALUES(20, 'same');");
        await first.SyncAsync();
    }
}
