using Tidemark.Client.Coordination;
using Tidemark.Client.Coordination.Announcing;
using Tidemark.Client.Errors;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Coordination;

/// <summary>Signing out with changes that wait.</summary>
public sealed class SignOutTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("req", "RUN-14")]
    public async Task With_changes_waiting_it_asks_and_what_was_chosen_drops_nothing()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await Steps.UntilQuietAsync(a);
        a.Sql("INSERT INTO note VALUES('n', '', '', NULL)");
        a.Service.Start();
        Assert.Equal((false, 1L), Of(await a.Service.SignOutAsync(SignOutChoice.Ask, Token)));
        a.Network.Decide = _ => Fault.DropRequest;
        var unsent = await a.Service.SignOutAsync(SignOutChoice.PushFirst, Token);
        Assert.Equal((false, 1L), Of(unsent));
        Assert.Equal(SyncErrorCode.NetworkError, unsent.Push?.Error?.Code);
        Assert.Equal((true, 1L), Of(await a.Service.SignOutAsync(SignOutChoice.Keep, Token)));
        Assert.Equal(SyncActivity.Stopped, a.Service.Status.Activity);

        var eve = world.Open(a.Path, "eve");
        Assert.Equal(SyncErrorCode.WrongUser, (await eve.TrySyncAsync()).Error?.Code);
        Assert.Empty(eve.Network.PushBodies);
        await a.RestartAsync(world);
        Assert.Equal((true, 0L), Of(await a.Service.SignOutAsync(SignOutChoice.PushFirst, Token)));
        a.AssertQuiet();
        Assert.Equal((true, 0L), Of(await a.Service.SignOutAsync(SignOutChoice.Ask, Token)));
    }

    private static (bool IsSignedOut, long Pending) Of(SignOutReport report) => (report.IsSignedOut, report.Pending);
}
