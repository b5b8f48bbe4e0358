using Tidemark.Client.Coordination;
using Tidemark.Client.Coordination.Announcing;
using Tidemark.Client.Coordination.Pacing;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes;
using Tidemark.Client.Remotes.Http;
using Tidemark.Client.Remotes.Several;
using Tidemark.Client.Tests.Coordination;
using Tidemark.Client.Tests.Support;
using Tidemark.Testing;

namespace Tidemark.Client.Tests.Remotes.Several;

/// <summary>A started service of a file with two Tidemark servers, on real connections: a word of either of them is enough.</summary>
public sealed class SeveralHintsTests
{
    [Fact]
    [Trait("req", "RUN-13")]
    [Trait("req", "REM-08")]
    public async Task A_hint_of_either_server_starts_a_cycle_over_both()
    {
        await using var first = await World.StartAsync();
        await using var second = await World.StartAsync();
        using var folder = new TempFolder();
        await using var hub = await DeviceAsync(folder, "hub", ("a", first), ("b", second));
        await using var ofFirst = await DeviceAsync(folder, "x", ("a", first));
        await using var ofSecond = await DeviceAsync(folder, "y", ("b", second));
        var options = hub.Options.Automatic;
        (options.FollowsHints, options.GateTimeout, options.Throttle) = (true, TimeSpan.Zero, TimeSpan.Zero);
        (options.ForegroundInterval, options.BackgroundInterval, options.HintConnection.Backoff) = (TimeSpan.FromHours(1), TimeSpan.FromHours(1), new Backoff { FirstDelayMs = 5, DelayMaxMs = 50 });
        var runs = new RunLog(hub.Service);
        hub.Service.Start();
        Assert.Equal(SyncTriggers.Start, (await runs.NextAsync()).Trigger);
        await ServiceTests.Eventually(() => hub.Service.HintState == LiveHintState.Live);
        foreach (var writer in new[] { ofFirst, ofSecond })
        {
            writer.Sql("INSERT INTO note(id, title) VALUES(hex(randomblob(8)), 'told')");
            await writer.SyncAsync();
            while ((await runs.NextAsync()).Pull.Applied == 0)
            {
                // By itself it would ask in an hour.
            }
        }

        await ofFirst.SyncAsync();
        Assert.Equal(2, ofFirst.Rows().Count); // Forwarded by the hub.
        await hub.Service.StopAsync();
        Assert.Equal(LiveHintState.Stopped, hub.Service.HintState);
    }

    private static Task<JoinDevice> DeviceAsync(TempFolder folder, string name, params (string Name, World World)[] remotes) => JoinDevice.MakeAsync(
        folder.File(name + ".db"), TimeProvider.System, SyncEnvironment.System.Random,
        [.. remotes.Select(r => (r.Name, (IStagedRemote)new TidemarkStagedRemote(new TidemarkHttpRemote(r.World.Address, _ => Task.FromResult(r.World.Token()), SyncEnvironment.System), SyncEnvironment.System)))]);
}
