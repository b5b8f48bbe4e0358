using System.Diagnostics;
using Tidemark.EndToEnd.Tests.Processes;
using Tidemark.EndToEnd.Tests.Worlds;

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
