using System.Diagnostics;
using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;
using Tidemark.Testing.Postgres;

namespace Tidemark.EndToEnd.Tests.BadInput;

/// <summary>The disk has no room for what a run fetches. Needs the right to mount one.</summary>
public sealed class FullDiskTests
{
    [Fact]
    [Trait("req", "STO-15")]
    public async Task A_sync_on_a_full_disk_says_so_with_the_cure_and_loses_nothing()
    {
        var (world, first, _) = await World.NotesAsync();
        await using var closed = world;
        await SqliteShell.RunAsync(first.Database, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) INSERT INTO notes SELECT 'big' || i, 1, hex(randomblob(10000)), i FROM n;");
        await first.SyncAsync();
        var disk = Directory.CreateDirectory(world.Workspace.PathOf("disk")).FullName;
        Assert.SkipUnless(await RunAsync("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk), "No right to mount a disk here.");
        try
        {
            var device = world.DeviceOf(Path.Combine("disk", "small.db"));
            await SqliteShell.RunAsync(device.Database, Notes.Schema);
            (await device.RunLocalAsync("adopt")).Expect(0);
            await SqliteShell.RunAsync(device.Database, "INSERT INTO notes VALUES('mine', 1, 'unsent', 1);");
            var failed = (await device.RunAsync("sync")).Expect(1);
            Assert.Contains("Free some space, then try again", failed.Errors, StringComparison.Ordinal);
            Assert.Equal(1, await SqliteShell.CountAsync(device.Database, "SELECT count(*) FROM notes WHERE id = 'mine'"));
            await TableComparison.AssertHealthyAsync(device.Database);
            Assert.True(await RunAsync("mount", "-o", "remount,size=60m", disk));
            await Convergence.SyncUntilQuietAsync(device, first);
            await TableComparison.AssertEqualAsync(first.Database, device.Database);
        }
        finally
        {
            await RunAsync("umount", disk);
        }
    }

    [Fact]
    [Trait("req", "SRV-12")]
    [Trait("speed", "slow")]
    public async Task A_server_whose_disk_is_full_refuses_for_now_says_why_and_has_lost_nothing_when_there_is_room_again()
    {
        Assert.SkipWhen(TestStore.IsPostgres, "The server has no files of its own.");
        using var workspace = new Workspace();
        var disk = Directory.CreateDirectory(workspace.PathOf("disk")).FullName;
        Assert.SkipUnless(await RunAsync("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk), "No right to mount a disk here.");
        try
        {
            await using var server = await TestServer.StartAsync(Path.Combine(disk, "server"));
            var token = await server.TokenAsync();
            var (first, second) = (new Device(workspace.PathOf("a.db"), server.Url, token), new Device(workspace.PathOf("b.db"), server.Url, token));
            await SqliteShell.RunAsync(first.Database, Notes.Schema);
            (await first.RunLocalAsync("adopt")).Expect(0);
            await first.SyncAsync();
            (await second.RunAsync("clone")).Expect(0);
            await SqliteShell.RunAsync(first.Database, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) INSERT INTO notes SELECT 'big' || i, 1, hex(randomblob(10000)), i FROM n;");
            (await first.RunAsync("sync")).Expect(5);
            (await second.RunAsync("sync")).Expect(0);
            Assert.Contains("Free some space", server.Process.Said(), StringComparison.Ordinal);
            Assert.True(await RunAsync("mount", "-o", "remount,size=100m", disk));
            await Convergence.SyncUntilQuietAsync(first, second);
            await TableComparison.AssertEqualAsync(first.Database, second.Database);
            Assert.Equal(402, await SqliteShell.CountAsync(second.Database, "SELECT count(*) FROM notes"));
            await server.StopAsync();
        }
        finally
        {
            await RunAsync("umount", disk);
        }
    }

    private static async Task<bool> RunAsync(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, UseShellExecute = false })!;
            await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // No such program here.
        }
    }
}
