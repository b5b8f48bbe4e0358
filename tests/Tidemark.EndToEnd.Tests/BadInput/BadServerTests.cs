using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

namespace Tidemark.EndToEnd.Tests.BadInput;

/// <summary>Servers as a user meets them: the exit code tells what kind of trouble it is, and the edit is still waiting.</summary>
public sealed class BadServerTests
{
    [Fact]
    [Trait("req", "RUN-09")]
    [Trait("req", "OPS-01")]
    public async Task A_server_that_is_away_is_exit_code_5_and_the_edit_waits()
    {
        using var workspace = new Workspace();
        var device = await EditedAsync(workspace, "http://127.0.0.1:9");
        var report = (await device.RunAsync("sync", "--json")).Expect(5).Json();
        Assert.Contains("NETWORK", report.ToString(), StringComparison.Ordinal);
        await AssertWaitingAsync(device);
    }

    [Fact]
    [Trait("req", "RUN-09")]
    public async Task A_server_that_answers_html_is_named_and_the_edit_waits()
    {
        using var workspace = new Workspace();
        await using var portal = WrongServer.Html();
        var device = await EditedAsync(workspace, portal.Url);
        var result = (await device.RunAsync("sync")).Expect(5);
        Assert.Contains("HTML", result.Errors + result.Output, StringComparison.OrdinalIgnoreCase);
        await AssertWaitingAsync(device);
    }

    [Fact]
    [Trait("req", "RUN-09")]
    public async Task A_truncated_answer_is_no_answer_and_the_edit_waits()
    {
        using var workspace = new Workspace();
        await using var broken = WrongServer.Truncated();
        var device = await EditedAsync(workspace, broken.Url);
        (await device.RunAsync("sync")).Expect(5);
        await AssertWaitingAsync(device);
    }

    [Fact]
    [Trait("req", "RUN-09")]
    [Trait("req", "SRV-07")]
    public async Task A_wrong_token_is_exit_code_4_and_the_edit_waits()
    {
        await using var world = await World.StartAsync();
        var device = await EditedAsync(world.Workspace, world.Server.Url);
        var report = (await device.RunAsync("sync", "--json")).Expect(4).Json();
        Assert.Contains("AUTH_FAILED", report.ToString(), StringComparison.Ordinal);
        await AssertWaitingAsync(device);
        (await device.RunAsync("clone")).Expect(1);
        (await TidemarkCommand.RunAsync("clone", world.Workspace.PathOf("other.db"), "--server", world.Server.Url, "--token", "wrong")).Expect(4);
        Assert.False(File.Exists(world.Workspace.PathOf("other.db")));
    }

    [Fact]
    [Trait("req", "RUN-14")]
    [Trait("speed", "slow")]
    public async Task Another_users_token_is_refused_and_sends_nothing()
    {
        var (world, first, _) = await World.NotesAsync();
        await using var _1 = world;
        await SqliteShell.RunAsync(first.Database, "INSERT INTO notes VALUES('secret', 1, 'mine', 3);");
        var eve = first with { Token = await world.Server.TokenAsync("eve") };
        var result = await eve.RunAsync("sync");
        Assert.Equal(4, result.ExitCode);
        var theirs = world.DeviceOf("eve.db") with { Token = eve.Token };
        var cloned = await theirs.RunAsync("clone");
        Assert.True(cloned.ExitCode != 0 || await SqliteShell.CountAsync(theirs.Database, "SELECT count(*) FROM notes") == 0, cloned.ToString());
        await AssertWaitingAsync(first);
    }

    private static async Task<Device> EditedAsync(Workspace workspace, string server)
    {
        var device = new Device(workspace.PathOf("notes.db"), server, "no-such-token");
        await SqliteShell.RunAsync(device.Database, Notes.Schema);
        (await device.RunLocalAsync("adopt")).Expect(0);
        await SqliteShell.RunAsync(device.Database, "INSERT INTO notes VALUES('n3', 1, 'unsent', 3);");
        return device;
    }

    private static async Task AssertWaitingAsync(Device device)
    {
        var status = (await device.RunLocalAsync("status", "--json")).Expect(0).Json();
        Assert.InRange(status.GetProperty("pending").GetInt64(), 1, 100);
        Assert.Equal(0, status.GetProperty("deadLetters").GetInt64());
    }
}
