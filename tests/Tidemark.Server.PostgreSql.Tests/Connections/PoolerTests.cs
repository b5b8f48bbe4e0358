using Tidemark.Model.Entities;
using Tidemark.Testing.Server;

namespace Tidemark.Server.PostgreSql.Tests.Connections;

public sealed class PoolerTests : PostgresWorld
{
    [Fact]
    [Trait("req", "SRV-02")]
    public async Task Behind_a_pooler_that_gives_each_transaction_another_connection_all_goes_as_without()
    {
        using var pooler = new Pooler();
        await pooler.ReadyAsync();
        await using var store = await PostgresServerStore.OpenAsync(new PostgresOptions { ConnectionString = pooler.ConnectionString, Schema = Schema }, Environment, None);
        using var server = new SyncServer(store, Environment, new ServerOptions());
        var first = new PushingDevice(server, Model, "u0", "one");
        await server.PutModelAsync(first.Caller, SyncModelJson.ToUtf8(Model), None);
        await Task.WhenAll(Enumerable.Range(0, 12).Select(async u =>
        {
            var device = new PushingDevice(server, Model, "u" + u, "one");
            for (var i = 0; i < 10; i++)
            {
                Assert.Single((await device.PushAsync(device.Create("boxes", [$"b{i}", $"b{i}", i]))).Successful);

                // Had a setting outlived its transaction, what this program writes would be taken for the server's own.
                await SqlAsync(pooler.ConnectionString, $"INSERT INTO {Schema}.things(space_id, id, title) VALUES ('u:u{u}', {i + 1}, 'by SQL')");
                await device.PageAsync();
            }

            var changes = (await PullAsync(device)).Changes;
            Assert.Equal((10, 10), (changes.Count(c => c.TypeName == "boxes"), changes.Count(c => c.TypeName == "things")));
            Assert.DoesNotContain(changes, c => c.Version == 0);
        }));
    }
}
