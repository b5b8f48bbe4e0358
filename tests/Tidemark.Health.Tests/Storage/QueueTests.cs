using Tidemark.Client.Environment;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Model.Health;
using Tidemark.Sqlite;

namespace Tidemark.Health.Tests.Storage;

/// <summary>What is sent once more beside what waits already.</summary>
[Trait("req", "HLT-16")]
[Trait("req", "HLT-03")]
public sealed class QueueTests : IDisposable
{
    private const string Type = "StepCount";
    private static readonly HealthSample Sample = ProgrammableHealthSource.Steps(1, version: 3);
    private readonly TempFolder _folder = new();
    private readonly HealthStore _store;

    public QueueTests() => _store = HealthStore.Open(_folder.File("device.db"), SyncEnvironment.System, Durability.Off);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_same_word_on_a_sample_waits_once()
    {
        await Again([Sample], []);
        await Again([Sample], []);
        Assert.Equal([(3L, false)], await Waiting());
        await Again([], [Deletion(3)]);
        await Again([], [Deletion(3)]);
        Assert.Equal([(3L, false), (3L, true)], await Waiting());
    }

    /// <summary>The older word alone would leave the server with what is no more.</summary>
    [Fact]
    public async Task A_newer_word_waits_beside_an_older_one_and_after_it()
    {
        await Again([Sample], []);
        await Again([ProgrammableHealthSource.Steps(1, version: 4)], []);
        await Again([], [Deletion(4)]);
        Assert.Equal([(3L, false), (4L, false), (4L, true)], await Waiting());
    }

    [Fact]
    public async Task What_the_server_has_is_sent_once_more_when_it_is_asked_for()
    {
        await Again([Sample], []);
        await _store.WriteAsync(
            () =>
            {
                _store.Queue.Settle(_store.Queue.Claim(null, 10, TimeSpan.FromMinutes(1)), static _ => null, keep: true);
                return true;
            },
            Cancel);
        Assert.Empty(await Waiting());
        await Again([Sample], []);
        Assert.Equal([(3L, false)], await Waiting());
    }

    /// <summary>An item that somebody sends right now may never arrive: it counts as waiting, and comes back.</summary>
    [Fact]
    public async Task What_is_on_its_way_is_not_doubled()
    {
        await Again([Sample], []);
        await _store.WriteAsync(() => _store.Queue.Claim(null, 10, TimeSpan.FromMinutes(1)), Cancel);
        await Again([Sample], []);
        Assert.Equal(1, await _store.ReadAsync(() => _store.Queue.Waiting, Cancel));
    }

    private static HealthDelete Deletion(long version) => new(Sample.Id, Type, version);

    private Task<bool> Again(IReadOnlyList<HealthSample> samples, IReadOnlyList<HealthDelete> deletes) => _store.WriteAsync(
        () =>
        {
            _store.Queue.Again(Type, samples, deletes, priority: 0);
            return true;
        },
        Cancel);

    private Task<List<(long Version, bool IsDelete)>> Waiting() => _store.ReadAsync(
        () => _store.Query("SELECT version, body = x'44' FROM _tm_health_queue WHERE status IN (0, 2) ORDER BY item").ConvertAll(r => (r[0].AsInteger, r[1].AsInteger != 0)), Cancel);
}
