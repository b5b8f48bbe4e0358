using System.Text;
using Tidemark.Health.Sources;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Health;
using Xunit;

namespace Tidemark.Testing.Health;

/// <summary>Health data on the server, whatever stores them.</summary>
[Trait("req", "HLT-06")]
public abstract class HealthStoreContract : IAsyncDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly Caller Ann = new(new UserId("ann"), false);
    private IHealthStore? _store;

    protected IHealthStore Store => _store ??= Open();

    private HealthServer Server => field ??= new HealthServer(Store, ServerEnvironment.System);

    protected abstract IHealthStore Open();

    /// <summary>Another node on the same data; the same store where there is none.</summary>
    protected virtual IHealthStore OpenAgain() => Store;

    [Fact]
    public async Task A_sample_is_read_as_it_was_sent()
    {
        var whole = new HealthSample
        {
            Id = new Guid("f47ac10b-58cc-8372-8567-0e02b2c3d479"),
            Version = 3,
            Kind = HealthKind.Workout,
            Type = "Workout",
            StartMs = 1_700_000_000_123,
            EndMs = 1_700_000_900_456,
            Value = 0.1 + 0.2,
            Unit = "kcal",
            Category = "Läufe \ud83c\udfc3 'x'; DROP TABLE s; --",
            Zone = "Europe/Lisbon",
            CreatedMs = -5,
            Origin = new HealthOrigin { Source = "Anna\u2019s Apple\u00a0Watch", Version = "10.6.1", Bundle = "b", Device = new HealthDevice { Name = "N", Manufacturer = "M", Model = "W", Hardware = "Watch6,2", Software = "1" } },
            Extra = new RawJson(Encoding.UTF8.GetBytes("{\"beats\":[1,2.50],\"note\":\"a\\u0000b\"}")),
        };
        var bare = new HealthSample { Id = new Guid("0197f0aa-0000-8000-8000-000000000001"), Kind = HealthKind.Category, Type = "Workout", StartMs = 1_700_000_000_123, EndMs = 1_700_000_000_123, Origin = new HealthOrigin { Source = "x" } };
        Assert.Equal([HealthVerdict.Applied, HealthVerdict.Applied], await SendAsync([whole, bare]));
        var read = await Store.ReadAsync(SpaceOf(Ann), "Workout", 0, long.MaxValue, null, 10, None);
        Assert.Equal([Text(bare), Text(whole)], read.Select(Text));
    }

    [Fact]
    public async Task Repetitions_are_duplicates_higher_versions_replace_and_lower_ones_are_stale()
    {
        Assert.Equal([HealthVerdict.Applied, HealthVerdict.Applied, HealthVerdict.Duplicate], await SendAsync([Steps(1), Steps(2), Steps(2)]));
        Assert.Equal([HealthVerdict.Duplicate, HealthVerdict.Applied], await SendAsync([Steps(1), Steps(2, 20, 2)]));
        Assert.Equal([HealthVerdict.Stale], await SendAsync([Steps(2, 11, 1)]));
        Assert.Equal([10.0, 20.0], (await ReadAsync()).Select(s => s.Value!.Value));
    }

    [Fact]
    public async Task A_deletion_holds_until_a_higher_version_comes_also_when_it_came_first()
    {
        Assert.Equal([HealthVerdict.Applied], await SendAsync([], [Steps(1)]));
        Assert.Equal([HealthVerdict.Stale, HealthVerdict.Applied], await SendAsync([Steps(1), Steps(2)]));
        Assert.Equal([HealthVerdict.Duplicate, HealthVerdict.Applied], await SendAsync([], [Steps(1), Steps(2)]));
        Assert.Empty(await ReadAsync());
        Assert.Equal([HealthVerdict.Applied], await SendAsync([Steps(1, 30, 1)]));
        Assert.Equal([HealthVerdict.Stale], await SendAsync([], [Steps(1)]));
        var state = Assert.Single((await Server.GetCompletenessAsync(Ann, None)).Types);
        Assert.Equal(("StepCount", 1, 1), (state.Type, state.Samples, state.Deleted));
        Assert.Equal((Steps(1).StartMs, Steps(1).EndMs), (state.First!.Value.ToUnixTimeMilliseconds(), state.Last!.Value.ToUnixTimeMilliseconds()));
    }

    [Fact]
    public async Task Users_do_not_see_each_other()
    {
        await SendAsync([Steps(1), Steps(2)]);
        var bob = new Caller(new UserId("bob"), false);
        Assert.Empty((await Server.GetCompletenessAsync(bob, None)).Types);
        Assert.Empty(await Store.ReadAsync(SpaceOf(bob), "StepCount", 0, long.MaxValue, null, 10, None));
        Assert.Equal([HealthVerdict.Applied], (await Server.UpsertAsync(bob, Body([], [Steps(1)]), None)).Verdicts);
        Assert.Equal(2, (await ReadAsync()).Count);
    }

    [Fact]
    public async Task Pages_digests_and_intervals_have_every_sample_once_in_order()
    {
        // Several at one moment, so that pages end between them.
        var samples = Enumerable.Range(0, 60).Select(i => Steps(i / 3, i, id: i)).ToArray();
        await SendAsync(samples.Reverse());
        var seen = new List<HealthSample>();
        for (HealthPlace? after = null; ;)
        {
            var page = await Store.ReadAsync(SpaceOf(Ann), "StepCount", 0, long.MaxValue, after, 7, None);
            if (page.Count == 0)
            {
                break;
            }

            seen.AddRange(page);
            after = new HealthPlace(page[^1].StartMs, page[^1].Id);
        }

        Assert.Equal(samples.OrderBy(s => s.StartMs).ThenBy(s => s.Id, Comparer<Guid>.Create((a, b) => a.ToByteArray(true).AsSpan().SequenceCompareTo(b.ToByteArray(true)))).Select(s => s.Id), seen.Select(s => s.Id));
        var digest = default(SetDigest);
        Array.ForEach(samples, s => HealthDigest.Add(ref digest, s.Id, s.Version));
        Assert.Equal(digest.ToString(), Assert.Single((await Server.GetDigestsAsync(Ann, new HealthQuery("StepCount", 0, long.MaxValue), None)).Days).Digest);
        var overlapping = await Store.GetIntervalsAsync(SpaceOf(Ann), "StepCount", samples[0].EndMs, samples[9].StartMs, None);
        Assert.Equal(9, overlapping.Count);
        Assert.All(overlapping, o => Assert.Equal("Watch", o.Source));
    }

    [Fact]
    public async Task What_is_not_committed_is_not_there()
    {
        var space = SpaceOf(Ann);
        await using (var transaction = await Store.WriteAsync(space, None))
        {
            await transaction.PutAsync([Steps(1)], 1, None);
            Assert.Single(await transaction.FindAsync([Steps(1).Id, Steps(2).Id], None));
        }

        Assert.Empty(await ReadAsync());
        Assert.Equal([HealthVerdict.Applied], await SendAsync([Steps(1)]));
    }

    /// <summary>Two devices with the same samples on two nodes: every sample is applied once.</summary>
    [Fact]
    public async Task Devices_that_send_the_same_at_once_leave_it_once()
    {
        var other = new HealthServer(OpenAgain(), ServerEnvironment.System);
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => Task.Run(() => (i % 2 == 0 ? Server : other).UpsertAsync(Ann, Body([.. Enumerable.Range(i * 10, 100).Select(n => Steps(n))], []), None))));
        Assert.Equal(150, answers.Sum(a => a.Verdicts.Count(v => v == HealthVerdict.Applied)));
        Assert.Equal(450, answers.Sum(a => a.Verdicts.Count(v => v == HealthVerdict.Duplicate)));
        Assert.Equal(150, (await ReadAsync()).Count);
    }

    [Theory]
    [InlineData("{\"id\":\"0197f0aa-0000-8000-8000-000000000001\",\"type\":\"a\\u0000b\"}")]
    [InlineData("{\"id\":\"0197f0aa-0000-8000-8000-000000000001\",\"type\":\"a\\ud800b\"}")]
    [InlineData("{\"id\":\"0197f0aa-0000-8000-8000-000000000001\",\"type\":\"a\",\"version\":-1}")]
    public async Task A_delete_that_no_store_could_keep_is_rejected_and_refuses_no_other(string delete)
    {
        var body = Encoding.UTF8.GetBytes($"{{\"deviceId\":\"a\",\"deletes\":[{delete},{{\"id\":\"{Steps(1).Id}\",\"type\":\"StepCount\"}}]}}");
        var answer = await Server.UpsertAsync(Ann, body, None);
        Assert.Equal([HealthVerdict.Rejected, HealthVerdict.Applied], answer.Verdicts);
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    protected static HealthSample Steps(int number, double value = 10, long version = 0, int? id = null)
    {
        var sample = ProgrammableHealthSource.Steps(number, value, version);
        return id is null ? sample : new HealthSample { Id = new Guid(id.Value * 7919 % 101, 0, unchecked((short)0x8000), 0x80, 0, 0, 0, 0, 0, 0, 1), Kind = sample.Kind, Type = sample.Type, StartMs = sample.StartMs, EndMs = sample.EndMs, Value = value, Unit = sample.Unit, Origin = sample.Origin };
    }

    private async Task<IReadOnlyList<HealthSample>> ReadAsync() => await Store.ReadAsync(SpaceOf(Ann), "StepCount", 0, long.MaxValue, null, 1000, None);

    private async Task<IReadOnlyList<HealthVerdict>> SendAsync(IEnumerable<HealthSample> samples, IEnumerable<HealthSample>? deletes = null) => (await Server.UpsertAsync(Ann, Body([.. samples], [.. deletes ?? []]), None)).Verdicts;

    private static SpaceId SpaceOf(Caller caller) => new("u:" + caller.User.Value);

    private static byte[] Body(HealthSample[] samples, HealthSample[] deletes) =>
        Encoding.UTF8.GetBytes($"{{\"deviceId\":\"a\",\"samples\":[{string.Join(',', samples.Select(Text))}],\"deletes\":[{string.Join(',', deletes.Select(d => $"{{\"id\":\"{d.Id}\",\"type\":\"{d.Type}\",\"version\":{d.Version}}}"))}]}}");

    private static string Text(HealthSample sample)
    {
        var buffer = new System.Buffers.ArrayBufferWriter<byte>();
        using (var json = HealthSampleJson.CreateWriter(buffer))
        {
            HealthSampleJson.Write(json, sample);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
