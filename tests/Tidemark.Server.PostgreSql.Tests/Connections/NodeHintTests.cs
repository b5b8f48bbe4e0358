using Tidemark.Model.Entities;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server.Live;
using Tidemark.Testing.Server;

namespace Tidemark.Server.PostgreSql.Tests.Connections;

/// <summary>What is pushed to one node is told to whoever listens at another.</summary>
public sealed class NodeHintTests : PostgresWorld
{
    private static readonly Caller Anna = new(new UserId("anna"), IsAdministrator: true);

    [Fact]
    [Trait("req", "SRV-09")]
    public async Task A_push_to_one_node_and_a_write_of_another_program_are_told_at_all_other_nodes()
    {
        await using var nodes = await Nodes.StartAsync(this, 3);
        var device = nodes.DeviceAt(0);
        using var listener = await nodes.Servers[1].ListenAsync(Anna, null, "other", None);
        using var own = await nodes.Servers[2].ListenAsync(Anna, null, "one", None);
        await listener.NextAsync(None);
        var head = (await own.NextAsync(None))[0].Position;
        var pushed = (await device.PushAsync(device.Create("boxes", ["a", "A", 1]))).Mark.Position;
        var told = Assert.Single(await NextBeyondAsync(listener, head));
        Assert.Equal(("boxes.updated", pushed), (told.Type, told.Position));
        await SqlAsync("UPDATE boxes SET size = 2");
        Assert.True(Assert.Single(await NextBeyondAsync(listener, pushed)).Position > pushed);

        // A device's own push is not told to it; the program's write is, everywhere.
        Assert.True((await NextBeyondAsync(own, head))[0].Position > pushed);
    }

    [Fact]
    [Trait("req", "SRV-09")]
    public async Task A_node_whose_connection_was_lost_looks_at_the_heads_when_it_listens_again()
    {
        await using var nodes = await Nodes.StartAsync(this, 2);
        var device = nodes.DeviceAt(0);
        using var listener = await nodes.Servers[1].ListenAsync(Anna, null, "other", None);
        await listener.NextAsync(None);
        var last = (await device.PushAsync(device.Create("boxes", ["a", "A", 1]))).Mark.Position;
        await NextBeyondAsync(listener, last - 1);
        for (var round = 0; round < 3; round++)
        {
            await SqlAsync("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN %tidemark_" + Schema + "%'");
            last = (await device.PushAsync(device.Create("boxes", [$"b{round}", $"b{round}", 1]))).Mark.Position;
            await NextBeyondAsync(listener, last - 1);
        }
    }

    [Fact]
    [Trait("req", "SRV-09")]
    public void Hints_are_told_together_and_no_payload_is_longer_than_the_database_takes()
    {
        var hints = Enumerable.Range(0, 500)
            .Select(i => new NodeHint(new SpaceId($"u:{new string('ü', 190)}{i}"), i, i % 50 == 0 ? [.. Enumerable.Range(0, 300).Select(t => $"type {t} \"quoted\"")] : ["boxes"], "device")).ToList();
        var payloads = NodeHints.Payloads("node", hints).ToList();
        Assert.All(payloads, p => Assert.True(System.Text.Encoding.UTF8.GetByteCount(p) < 8000));
        Assert.Equal(500, payloads.Sum(p => System.Text.Json.JsonDocument.Parse(p).RootElement.GetProperty("h").GetArrayLength()));
        Assert.True(NodeHints.Payloads("node", [.. Enumerable.Range(0, 100).Select(i => new NodeHint(new SpaceId("u:" + i), i, ["boxes"], "d"))]).Count() == 1);
    }

    [Fact]
    [Trait("req", "SRV-09")]
    public async Task What_is_no_message_of_a_node_makes_it_look_and_nothing_else()
    {
        await using var nodes = await Nodes.StartAsync(this, 2);
        using var listener = await nodes.Servers[1].ListenAsync(Anna, null, "other", None);
        await listener.NextAsync(None);
        await SqlAsync($"NOTIFY tidemark_{Schema}, 'rubbish'");
        Assert.Equal(LiveMessage.Head, Assert.Single(await listener.NextAsync(None).WaitAsync(TimeSpan.FromSeconds(30), None)).Type);
    }

    private static async Task<IReadOnlyList<LiveMessage>> NextBeyondAsync(HintListener listener, long position)
    {
        while (true)
        {
            var messages = await listener.NextAsync(None).WaitAsync(TimeSpan.FromSeconds(30), None);
            if (messages.Any(m => m.Position > position))
            {
                return [.. messages.Where(m => m.Position > position)];
            }
        }
    }

    private sealed class Nodes : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly List<PostgresServerStore> _stores = [];
        private readonly List<Task> _relays = [];

        public List<SyncServer> Servers { get; } = [];

        public static async Task<Nodes> StartAsync(NodeHintTests world, int count)
        {
            var nodes = new Nodes();
            for (var i = 0; i < count; i++)
            {
                nodes._stores.Add(Stores.Open(world.Environment, world.Schema));
                nodes.Servers.Add(new SyncServer(nodes._stores[i], world.Environment, new ServerOptions()));
                nodes._relays.Add(nodes.Servers[i].RelayHintsAsync(nodes._stop.Token));
            }

            await nodes.Servers[0].PutModelAsync(Anna, SyncModelJson.ToUtf8(Model), None);
            await Eventually.TrueAsync(async () => (long)(await world.SqlAsync("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %tidemark_" + world.Schema + "%'"))! == count, "all nodes listen");
            return nodes;
        }

        public PushingDevice DeviceAt(int node) => new(Servers[node], Model, "anna", "one");

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await Task.WhenAll(_relays);
            Servers.ForEach(s => s.Dispose());
            foreach (var store in _stores)
            {
                await store.DisposeAsync();
            }

            _stop.Dispose();
        }
    }
}
