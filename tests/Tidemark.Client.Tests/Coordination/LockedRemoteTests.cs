using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Remotes;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Testing;

namespace Tidemark.Client.Tests.Coordination;

/// <summary>The run lock while an answer takes its time: a page that comes drop by drop takes as long as it takes.</summary>
public sealed class LockedRemoteTests
{
    [Fact]
    [Trait("req", "RUN-05")]
    public async Task A_run_that_waits_for_a_slow_answer_keeps_its_lock_and_takes_none_that_was_taken_over()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        var time = new VirtualTime { Start = TimeProvider.System.GetUtcNow() };
        var environment = new SyncEnvironment { Time = time, Random = SyncEnvironment.System.Random, Transport = () => new SocketsHttpHandler(), ProcessName = "one/1", IsAlive = _ => true };
        var token = new RunLock(a.Store.EngineSession.Db, environment).TryTake()!.Value;
        var remote = new SlowRemote();
        var page = new LockedRemote(remote, a.Store, environment, token).GetChangesAsync(new ChangesRequest { DeviceId = "d" }, TestContext.Current.CancellationToken);
        for (var minute = 0; minute < 10; minute++)
        {
            await WaitForAsync(() => time.Waiting == 1);
            time.Advance(TimeSpan.FromMinutes(1));
            await WaitForAsync(() => a.Count("SELECT expires_ms FROM _tm_lock") == time.GetUtcNow().Add(RunLock.Lifetime).ToUnixTimeMilliseconds());
            Assert.Null(new RunLock(a.Store.EngineSession.Db, environment).TryTake());
        }

        a.Sql("UPDATE _tm_lock SET token = token + 1, expires_ms = 5");
        await WaitForAsync(() => time.Waiting == 1);
        time.Advance(TimeSpan.FromMinutes(1));
        await WaitForAsync(() => time.Waiting == 1);
        Assert.Equal(5, a.Count("SELECT expires_ms FROM _tm_lock"));
        remote.Page.SetResult([1]);
        Assert.Equal([1], await page);
        Assert.Equal(0, time.Waiting);
    }

    private static async Task WaitForAsync(Func<bool> condition)
    {
        for (var turns = 0; !condition(); turns++)
        {
            Assert.True(turns < 100_000, "The state did not come.");
            await Task.Yield();
        }
    }

    private sealed class SlowRemote : IRemote
    {
        public TaskCompletionSource<byte[]> Page { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<ModelInfo> GetModelAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<ModelInfo> PutModelAsync(SyncModel model, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<PushResponse> PushAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<byte[]> GetChangesAsync(ChangesRequest request, CancellationToken cancellationToken) => Page.Task;

        public Task<ChecksumsResponse> GetChecksumsAsync(ChecksumsRequest request, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<RowsResponse> GetRowsAsync(RowsRequest request, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
