using Tidemark.Model.Protocol;
using Tidemark.Server.Sqlite;
using Tidemark.Server.Storage;
using Tidemark.Sqlite;
using Tidemark.Testing;
using Tidemark.Testing.Server;

namespace Tidemark.Server.Tests.Sqlite;

public sealed class SqliteServerTests : SyncServerContract
{
    private readonly TempFolder _folder = new();

    [Fact]
    [Trait("req", "PULL-10")]
    public async Task A_server_restored_from_a_copy_names_the_last_common_commit_and_changes_nothing()
    {
        var device = await DeviceAsync();
        var common = (await device.PushAsync(device.Create("boxes", ["a", "A"]))).Mark;

        // The key that signs cursors is made with the first page; the copy must have it.
        await device.PageAsync();
        using (var connection = SqliteFile.Open(_folder.File("server.db"), new OpenOptions()))
        {
            connection.Run("VACUUM INTO " + SqlName.Literal(_folder.File("backup.db")));
        }

        var lost = (await device.PushAsync(device.Create("boxes", ["b", "B"]))).Mark;
        var page = await device.PageAsync();
        await using var store = SqliteServerStore.Open(_folder.File("backup.db"), new ServerEnvironment { Time = Time });
        using var restored = new SyncServer(store, new ServerEnvironment { Time = Time }, new ServerOptions());
        var same = new PushingDevice(restored, Model, "anna", "two");
        var pulled = await Assert.ThrowsAsync<ServerException>(() => same.PageAsync(new ChangesRequest { Cursor = page.Tail.NextCursor, Marks = [lost, common] }));
        Assert.Equal((ErrorCodes.ResyncRequired, ResyncReason.Restored, common.Position), (pulled.Problem.Code, pulled.Problem.Reason, pulled.Problem.CommonPosition));
        var envelope = new PushEnvelope { DeviceId = "two", StoreId = "two", Epoch = page.Tail.Epoch, Floor = lost };
        var pushed = await Assert.ThrowsAsync<ServerException>(() => same.PushAsync(envelope, same.Create("boxes", ["c", "C"])));
        Assert.Equal(ResyncReason.Restored, pushed.Problem.Reason);
        Assert.Single((await same.PageAsync()).Changes);
    }

    [Fact]
    [Trait("req", "SRV-02")]
    public async Task Nodes_that_open_a_new_file_at_once_all_find_it_set_up()
    {
        for (var round = 0; round < 10; round++)
        {
            var path = _folder.File($"new{round}.db");
            using var together = new Barrier(4);
            var stores = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    together.SignalAndWait();
                    return SqliteServerStore.Open(path, new ServerEnvironment { Time = Time });
                },
                TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
            foreach (var store in stores)
            {
                Assert.Null(await store.GetModelAsync(TestContext.Current.CancellationToken));
                await store.DisposeAsync();
            }
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Dispose();
    }

    protected override IServerStore OpenStore(ServerEnvironment environment) => SqliteServerStore.Open(_folder.File("server.db"), environment);
}
