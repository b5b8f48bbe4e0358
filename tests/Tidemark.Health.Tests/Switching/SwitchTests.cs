using System.Text;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Health.Switching;
using Tidemark.Health.Sync;
using Tidemark.Health.Tests.Sync;
using Tidemark.Model.Health;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Health;
using Tidemark.Server.Sqlite.Health;
using Tidemark.Sqlite;

namespace Tidemark.Health.Tests.Switching;

public sealed class SwitchTests : IAsyncLifetime
{
    private readonly TempFolder _folder = new();
    private readonly ProgrammableHealthSource _source = new();
    private SqliteHealthStore _serverStore = null!;
    private Uploads _network = null!;
    private HealthStore _store = null!;
    private FormerPath _former = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _serverStore = SqliteHealthStore.Open(_folder.File("server.db"));
        _network = new Uploads(new HealthServer(_serverStore, ServerEnvironment.System));
        _store = HealthStore.Open(_folder.File("device.db"), SyncEnvironment.System, Durability.Off);
        _former = new FormerPath(_source, _network);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _store.Dispose();
        await _serverStore.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>There and back three hundred times, with a network that loses requests and answers, additions, corrections and deletions.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [Trait("req", "HLT-18")]
    [Trait("req", "HLT-12")]
    public async Task There_and_back_at_any_time_loses_and_doubles_nothing(int seed)
    {
        var dice = new Random(seed);
        var added = 0;
        for (var round = 0; round < 100; round++)
        {
            for (var i = dice.Next(4); i > 0; i--)
            {
                _source.Add(ProgrammableHealthSource.Steps(added++));
            }

            if (_source.Living.Count > 3 && dice.Next(3) == 0)
            {
                _source.Delete(_source.Living.ElementAt(dice.Next(_source.Living.Count)));
            }

            if (_source.Living.Count > 0 && dice.Next(3) == 0)
            {
                var one = _source.Living.ElementAt(dice.Next(_source.Living.Count));
                _source.Add(new HealthSample { Id = one.Id, Version = one.Version + 1, Kind = one.Kind, Type = one.Type, StartMs = one.StartMs, EndMs = one.EndMs, Value = one.Value + 1, Unit = one.Unit, Origin = one.Origin });
            }

            for (var i = dice.Next(3); i > 0; i--)
            {
                _network.Next.Enqueue(dice.Next(2) == 0 ? "lost" : "answer lost");
            }

            await Switch().RunAsync(isNew: dice.Next(2) == 0, Cancel);
        }

        _network.Next.Clear();
        await Switch().RunAsync(isNew: false, Cancel);
        await _store.WriteAsync(() => { _store.Queue.Hurry(); return true; }, Cancel);
        Assert.Equal((HealthOutcome.Done, 0L), (await Switch().RunAsync(isNew: true, Cancel)) is var last ? (last.Outcome, last.Waiting) : default);
        Assert.Equal(Lines(_source.Living), Lines(await Stored()));
    }

    [Fact]
    [Trait("req", "HLT-18")]
    public async Task What_waits_in_the_queue_is_kept_while_the_old_way_is_gone()
    {
        await Switch().RunAsync(isNew: true, Cancel);
        _source.Add(ProgrammableHealthSource.Steps(1));
        _network.Next.Enqueue("lost");
        Assert.Equal(1, (await Switch().RunAsync(isNew: true, Cancel)).Waiting);
        _source.Add(ProgrammableHealthSource.Steps(2));
        await Switch().RunAsync(isNew: false, Cancel);
        Assert.Equal(2, (await Stored()).Count);
        Assert.Equal(1, await _store.ReadAsync(() => _store.Queue.Waiting, Cancel));
        await _store.WriteAsync(() => { _store.Queue.Hurry(); return true; }, Cancel);
        var back = await Switch().RunAsync(isNew: true, Cancel);
        Assert.Equal((0L, 0L, 1L), (back.Captured, back.Waiting, back.Duplicates));
    }

    [Fact]
    [Trait("req", "HLT-12")]
    public async Task Anchors_are_backed_up_and_restored_and_what_was_sent_since_is_recognised()
    {
        var anchors = new HealthAnchors(_store);
        _source.Add(ProgrammableHealthSource.Steps(1));
        await Sync().RunAsync(null, Cancel);
        Assert.Equal(1, await anchors.BackUpAsync("a", Cancel));
        _source.Add(ProgrammableHealthSource.Steps(2));
        _source.Add(ProgrammableHealthSource.Of("HeartRate", "/min", 1_700_000_000_000, 60));
        _source.Delete(ProgrammableHealthSource.Steps(1));
        await Sync().RunAsync(null, Cancel);
        Assert.Equal(0, await anchors.RestoreAsync("b", Cancel));
        Assert.Equal(0, (await Sync().RunAsync(null, Cancel)).Captured);
        Assert.Equal(1, await anchors.RestoreAsync("a", Cancel));
        var again = await Sync().RunAsync(null, Cancel);
        Assert.Equal((3L, 0L, 3L), (again.Captured, again.Applied, again.Duplicates));
        Assert.Equal(Lines(_source.Living.Where(s => s.Type == "StepCount")), Lines(await Stored()));
        Assert.Equal("a", Assert.Single(await anchors.ListAsync(Cancel)).Name);
    }

    /// <summary>The file of the device is put back to a copy of before: an older anchor is read from again.</summary>
    [Fact]
    [Trait("req", "HLT-12")]
    public async Task A_file_that_is_put_back_to_a_copy_loses_and_doubles_nothing()
    {
        _source.Add(ProgrammableHealthSource.Steps(1));
        _network.Next.Enqueue("lost");
        await Sync(new HealthSyncOptions { ImmediateTries = [TimeSpan.Zero] }).RunAsync(null, Cancel);
        _store.Dispose();
        File.Copy(_folder.File("device.db"), _folder.File("copy.db"));
        Reopen("device.db");
        _source.Add(ProgrammableHealthSource.Steps(2));
        _source.Delete(ProgrammableHealthSource.Steps(1));
        await _store.WriteAsync(() => { _store.Queue.Hurry(); return true; }, Cancel);
        Assert.Equal(HealthOutcome.Done, (await Sync().RunAsync(null, Cancel)).Outcome);
        Reopen("copy.db");
        await _store.WriteAsync(() => { _store.Queue.Hurry(); return true; }, Cancel);
        Assert.Equal(0, (await Sync().RunAsync(null, Cancel)).Waiting);
        Assert.Equal(Lines(_source.Living), Lines(await Stored()));
    }

    [Fact]
    [Trait("req", "HLT-18")]
    public void A_share_takes_as_many_devices_as_it_says_and_a_greater_one_keeps_them()
    {
        string[] devices = [.. Enumerable.Range(0, 10_000).Select(i => $"device-{i}")];
        HashSet<string> In(double share) => [.. devices.Where(d => new HealthRollout { Share = share }.Includes(d, []))];
        Assert.Empty(In(0));
        Assert.Equal(devices.Length, In(1).Count);
        Assert.InRange(In(0.1).Count, 900, 1100);
        Assert.Subset(In(0.3), In(0.1));
        var rollout = new HealthRollout { Share = 0, Groups = ["testers"], GroupsOut = ["held"] };
        Assert.True(rollout.Includes("x", ["testers"]));
        Assert.False(rollout.Includes("x", ["testers", "held"]));
        Assert.Throws<InvalidOperationException>(() => new HealthRollout { Share = 1.5 }.Includes("x", []));
    }

    private static List<string> Lines(IEnumerable<HealthSample> samples) => [.. samples.Select(s => $"{s.Id} {s.Version} {s.Value}").Order(StringComparer.Ordinal)];

    private async Task<IReadOnlyList<HealthSample>> Stored() => await _serverStore.ReadAsync(new SpaceId("u:ann"), "StepCount", 0, long.MaxValue, null, 5000, Cancel);

    private void Reopen(string name)
    {
        _store.Dispose();
        _store = HealthStore.Open(_folder.File(name), SyncEnvironment.System, Durability.Off);
    }

    private HealthSync Sync(HealthSyncOptions? options = null) => new(_store, _source, _network, "phone", options ?? new HealthSyncOptions { PageSamples = 3, ImmediateTries = [TimeSpan.Zero] }, SyncEnvironment.System);

    private HealthSwitch Switch() => new(_store, Sync(), _former);

    /// <summary>What an app did before: a page, one try, and the anchor after it.</summary>
    private sealed class FormerPath(IHealthChangeSource source, Uploads network) : IHealthPath
    {
        private readonly Dictionary<string, HealthAnchor?> _anchors = new(StringComparer.Ordinal);

        public Task<HealthAnchor?> GetAnchorAsync(string type, CancellationToken cancellationToken) => Task.FromResult(_anchors.GetValueOrDefault(type));

        public Task SetAnchorAsync(string type, HealthAnchor? anchor, CancellationToken cancellationToken)
        {
            _anchors[type] = anchor;
            return Task.CompletedTask;
        }

        public async Task<HealthSyncReport> RunAsync(CancellationToken cancellationToken)
        {
            foreach (var type in await source.GetTypesAsync(cancellationToken))
            {
                var page = await source.ReadAsync(type, _anchors.GetValueOrDefault(type), 1000, cancellationToken);
                var buffer = new System.Buffers.ArrayBufferWriter<byte>();
                using (var json = HealthSampleJson.CreateWriter(buffer))
                {
                    json.WriteStartObject();
                    json.WriteString("deviceId", "former");
                    json.WriteStartArray("samples");
                    foreach (var sample in page.Upserts)
                    {
                        HealthSampleJson.Write(json, sample);
                    }

                    json.WriteEndArray();
                    json.WriteStartArray("deletes");
                    foreach (var delete in page.Deletes)
                    {
                        json.WriteRawValue(Encoding.UTF8.GetBytes($"{{\"id\":\"{delete.Id}\",\"type\":\"{delete.Type}\",\"version\":{delete.Version}}}"));
                    }

                    json.WriteEndArray();
                    json.WriteEndObject();
                }

                try
                {
                    await network.SendAsync(buffer.WrittenMemory, cancellationToken);
                    _anchors[type] = page.Next;
                }
                catch (SyncException)
                {
                    return new HealthSyncReport { Outcome = HealthOutcome.Queued };
                }
            }

            return new HealthSyncReport { Outcome = HealthOutcome.Done };
        }
    }
}
