using System.Diagnostics;
using Tidemark.Client.Coordination.Announcing;
using Tidemark.Client.Coordination.Pacing;
using Tidemark.Client.Environment;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Coordination.Watching;

/// <summary>What other processes commit is noticed, on the real clock and with the real folder.</summary>
public sealed class OtherProcessTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("req", "STO-10")]
    public async Task Another_processs_commit_is_noticed_within_a_second_and_pushed(bool watchesFolder)
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + "INSERT INTO note VALUES('n', '', '', NULL);");
        a.WatchFile = watchesFolder ? SyncEnvironment.System.WatchFile : static (_, _) => null;
        a.Options.Automatic.GateTimeout = TimeSpan.Zero;
        a.Options.Automatic.Quiet = TimeSpan.FromMilliseconds(100);
        a.Connect(world);
        var runs = new RunLog(a.Service);
        var told = new TaskCompletionSource<(Invalidation Changes, long At)>(TaskCreationOptions.RunContinuationsAsynchronously);
        a.Service.Start();
        await runs.NextAsync();
        await ServiceTests.Eventually(() => a.Service.Status.Activity == SyncActivity.Idle);
        a.Service.Invalidated += (_, changes) =>
        {
            if (changes.Source == InvalidationSource.Elsewhere)
            {
                told.TrySetResult((changes, TimeProvider.System.GetTimestamp()));
            }
        };
        await WriteElsewhereAsync(a.Path, "INSERT INTO note VALUES('of another', '', '', NULL)");
        var committed = TimeProvider.System.GetTimestamp();
        var (changes, at) = await told.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal(["note"], changes.Types.Select(t => t.Type));
        Assert.True(TimeProvider.System.GetElapsedTime(committed, at) < TimeSpan.FromSeconds(1));
        var pushed = await runs.NextAsync();
        Assert.Equal((SyncTriggers.Change, 1), (pushed.Trigger, pushed.Push.Accepted));
        await a.Service.StopAsync();
        Assert.Equal(0, a.Store.EngineSession.Outbox.ReadLedger().Waiting);
    }

    [Fact]
    [Trait("req", "STO-10")]
    public async Task What_another_instance_has_pulled_is_an_invalidation_here_and_our_own_runs_are_none()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("other device", Schemas.Notes + "INSERT INTO note VALUES('n', '', '', NULL);");
        await Steps.UntilQuietAsync(a);
        await using var service = await Started.AtRestAsync(world);
        var told = new List<InvalidationSource>();
        service.Device.Service.Invalidated += (_, changes) => told.Add(changes.Source);
        a.Sql("UPDATE note SET title = 'two'");
        await a.SyncAsync();
        await service.Device.Service.SyncNowAsync(TestContext.Current.CancellationToken);
        await service.NextAsync();
        Assert.Equal([InvalidationSource.Apply], told);
        told.Clear();
        a.Sql("UPDATE note SET title = 'three'");
        await a.SyncAsync();
        var duplicate = world.Open(service.Device.Path);
        await duplicate.SyncAsync();
        service.Device.Service.NoteChange();
        await ServiceTests.Eventually(() => told.Count > 0);
        Assert.Equal([InvalidationSource.Elsewhere], told);
    }

    private static async Task WriteElsewhereAsync(string path, string sql)
    {
        using var process = Process.Start(new ProcessStartInfo("sqlite3", [path, "PRAGMA busy_timeout = 5000; " + sql]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
    }
}
