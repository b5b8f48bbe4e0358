using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Health.Sources;
using Tidemark.Health.Storage;
using Tidemark.Health.Sync;
using Tidemark.Model.Health;
using Tidemark.Model.Protocol;
using Tidemark.Model.Values;
using Tidemark.Server;
using Tidemark.Server.Health;
using Tidemark.Server.Leases;
using Tidemark.Server.Sqlite;
using Tidemark.Server.Sqlite.Health;
using Tidemark.Sqlite;

namespace Tidemark.Health.Tests.Sync;

/// <summary>A server that admits bulk work of one device at a time, in virtual time.</summary>
[Trait("req", "HLT-09")]
[Trait("req", "HLT-04")]
public sealed class AdmissionTests : IAsyncLifetime, IHealthWindows, IHealthUploader, IHealthLeases
{
    private static readonly Caller Ann = new(new UserId("ann"), IsAdministrator: false);
    private readonly TempFolder _folder = new();
    private readonly VirtualTime _time = new();
    private readonly ProgrammableHealthSource _source = new();
    private readonly List<HealthWindowRequest> _requests = [];
    private readonly List<(int Items, bool HasLease)> _batches = [];
    private Action<int> _before = static _ => { };
    private SqliteServerStore _rows = null!;
    private SqliteHealthStore _samples = null!;
    private SyncServer _sync = null!;
    private HealthServer _server = null!;
    private HealthStore _store = null!;
    private HealthIngest _ingest = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public string? Lease { get; set; }

    public ValueTask InitializeAsync()
    {
        var there = new ServerEnvironment { Time = _time };
        _rows = SqliteServerStore.Open(_folder.File("server.db"), there);
        _samples = SqliteHealthStore.Open(_folder.File("health.db"));
        _sync = new SyncServer(_rows, there, new ServerOptions { Leases = new LeaseOptions { Samples = 150, LeasesMax = 1, RetryMinMs = 5000, TimeMs = 60_000 } });
        _server = new HealthServer(_samples, there, _sync);
        var environment = new SyncEnvironment { Time = _time, Random = static bytes => bytes.Fill(0x80), Transport = static () => throw new NotSupportedException(), ProcessName = "one", IsAlive = static name => name == "one" };
        _store = HealthStore.Open(_folder.File("device.db"), environment, Durability.Off);
        _ingest = new HealthIngest(_store, new HealthSync(_store, _source, this, "phone", new HealthSyncOptions { PageSamples = 200 }, environment), environment, this, types: ["StepCount"]) { IsAlone = true };
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _store.Dispose();
        _sync.Dispose();
        await _samples.DisposeAsync();
        await _rows.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_backlog_is_sent_under_a_lease_that_is_given_back_and_little_asks_for_none()
    {
        Add(0, 900);
        Assert.Equal((HealthOutcome.Done, 900L), (await Drive(_ingest.RunWindowAsync(null, Cancel))) is var window ? (window.Outcome, window.Applied) : default);
        Assert.Equal([200, 200, 200, 200, 100], _batches.Select(b => b.Items));
        Assert.All(_batches, b => Assert.True(b.HasLease));
        await HoldAsync(); // It was given back, otherwise this is refused.
        Release();

        _batches.Clear();
        Add(900, 120);
        Assert.Equal(HealthOutcome.Done, (await Drive(_ingest.RunWindowAsync(null, Cancel))).Outcome);
        Assert.Equal([(120, false)], _batches);
    }

    [Fact]
    [Trait("req", "HLT-02")]
    public async Task What_a_wake_sends_at_once_needs_no_lease_however_busy_the_server_is()
    {
        await HoldAsync();
        Add(0, 450);
        Assert.Equal(HealthOutcome.Done, await Drive(_ingest.AnnounceAsync("StepCount", Cancel)));
        Assert.Equal([(150, false), (50, false), (150, false), (50, false), (50, false)], _batches);
        Assert.Equal(450, await Stored());
    }

    [Fact]
    [Trait("req", "HLT-15")]
    [Trait("req", "HLT-14")]
    public async Task A_window_that_is_never_admitted_ends_in_its_time_with_everything_kept_and_the_next_one_asked_for()
    {
        await HoldAsync();
        Add(0, 900);
        var begun = _time.GetUtcNow();
        var report = await Drive(_ingest.RunWindowAsync(TimeSpan.FromSeconds(50), Cancel));
        Assert.Equal((HealthOutcome.OutOfTime, 0L, 900L), (report.Outcome, report.Applied, report.Waiting));
        Assert.Contains("your place is kept", report.Reason, StringComparison.Ordinal);
        Assert.Empty(_batches);
        Assert.InRange(_time.GetUtcNow() - begun, TimeSpan.FromSeconds(50), TimeSpan.FromSeconds(55));
        Assert.Single(_requests);
        var type = Assert.Single(_ingest.Status.Types);
        Assert.Equal((HealthTrouble.NotSent, 900L), (type.Trouble, type.Waiting));
        Assert.Contains("your place is kept", type.Reason, StringComparison.Ordinal);

        _time.Advance(TimeSpan.FromMinutes(31)); // Whoever held it is long gone.
        Assert.Equal((HealthOutcome.Done, 0L), (await Drive(_ingest.RunWindowAsync(null, Cancel))) is var window ? (window.Outcome, window.Waiting) : default);
        Assert.Equal(900, await Stored());
        Assert.Empty(_requests);
        Assert.Equal(HealthTrouble.None, Assert.Single(_ingest.Status.Types).Trouble);
    }

    [Fact]
    public async Task A_window_that_is_not_admitted_at_first_has_its_turn_when_it_was_told()
    {
        await HoldAsync();
        Add(0, 900);
        var window = _ingest.RunWindowAsync(null, Cancel);
        while (_time.GetUtcNow() < _time.Start.AddSeconds(12))
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }

        Assert.False(window.IsCompleted);
        Assert.Equal(0, await Stored());
        Release();
        Assert.Equal((HealthOutcome.Done, 900L, 900L), (await Drive(window)) is var report ? (report.Outcome, report.Captured, report.Applied) : default);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_lease_that_is_lost_in_the_middle_stops_the_window_before_the_next_batch_and_it_goes_on_there_under_another_one(bool inTheCommit)
    {
        Add(0, 900);
        _before = number =>
        {
            if (number == 2)
            {
                Release();
            }
        };
        if (inTheCommit)
        {
            _before = number => _time.Advance(number == 2 ? TimeSpan.FromSeconds(61) : TimeSpan.Zero);
        }

        var report = await Drive(_ingest.RunWindowAsync(null, Cancel));
        Assert.Equal((HealthOutcome.Done, 900L, 0L), (report.Outcome, report.Applied, report.Waiting));
        Assert.Equal(900, await Stored());
        Assert.Equal([200, 200, 200], _batches.Take(3).Select(b => b.Items));
        Assert.Equal(900 + 200, _batches.Sum(b => b.Items)); // One batch was sent twice, refused the first time.
    }

    [Fact]
    public async Task A_run_that_was_not_admitted_captures_all_the_same_and_says_when_to_come_again()
    {
        await HoldAsync();
        Add(0, 900);
        var report = (await Drive(_ingest.EnterForegroundAsync(Cancel))).Sync;
        Assert.Equal((HealthOutcome.Queued, 900L, TimeSpan.FromSeconds(5)), (report.Outcome, report.Waiting, report.RetryAfter));
        Assert.Single(_requests);
    }

    [Fact]
    [Trait("req", "HLT-06")]
    public async Task The_server_refuses_a_large_batch_without_a_lease_and_every_batch_with_a_lost_one()
    {
        Assert.Equal(ErrorCodes.LeaseDenied, (await Assert.ThrowsAsync<ServerException>(() => _server.UpsertAsync(Ann, Batch(151), Cancel))).Problem.Code);
        Assert.Equal(ErrorCodes.LeaseLost, (await Assert.ThrowsAsync<ServerException>(() => _server.UpsertAsync(Ann with { Lease = Guid.Empty.ToString() }, Batch(1), Cancel))).Problem.Code);
        Assert.Equal(0, await Stored());
        Assert.Equal(150, (await _server.UpsertAsync(Ann, Batch(150), Cancel)).Verdicts.Count);
    }

    [Fact]
    public async Task A_device_has_a_lease_for_its_rows_beside_the_one_for_its_samples()
    {
        using var server = new SyncServer(_rows, new ServerEnvironment { Time = _time }, new ServerOptions { Leases = new LeaseOptions { Samples = 150, LeasesMax = 2 } });
        var rows = await server.AskLeaseAsync(Ann, new LeaseRequest { DeviceId = "phone" }, Cancel);
        var samples = await server.AskLeaseAsync(Ann, new LeaseRequest { DeviceId = "phone", Work = "health_ingest" }, Cancel);
        Assert.NotEqual(rows.LeaseId, samples.LeaseId);
        Assert.Equal(samples.LeaseId, (await server.AskLeaseAsync(Ann, new LeaseRequest { DeviceId = "phone", Work = "health_ingest" }, Cancel)).LeaseId);
        var refused = await Assert.ThrowsAsync<ServerException>(() => server.AskLeaseAsync(Ann, new LeaseRequest { DeviceId = "phone", Work = "another" }, Cancel));
        Assert.Equal(ErrorCodes.BadRequest, refused.Problem.Code);
    }

    public ValueTask RequestAsync(HealthWindowRequest request, CancellationToken cancellationToken)
    {
        _requests.Add(request);
        return ValueTask.CompletedTask;
    }

    public ValueTask WithdrawAsync(CancellationToken cancellationToken)
    {
        _requests.Clear();
        return ValueTask.CompletedTask;
    }

    public Task<HealthBatchResponse> SendAsync(ReadOnlyMemory<byte> batch, CancellationToken cancellationToken)
    {
        _before(_batches.Count);
        _batches.Add((HealthBatch.Read(batch.Span, HealthLimits.BatchItemsMax) is var read ? read.Samples.Count + read.Deletes.Count : 0, Lease is not null));
        return Answered(() => _server.UpsertAsync(Ann with { Lease = Lease }, batch, cancellationToken));
    }

    public Task<int> GetLeaseSamplesAsync(CancellationToken cancellationToken) => Task.FromResult(_sync.Options.Leases.Samples);

    public Task<LeaseResponse> AskLeaseAsync(LeaseRequest request, CancellationToken cancellationToken) => Answered(() => _sync.AskLeaseAsync(Ann, request, cancellationToken));

    public Task<LeaseResponse> RenewLeaseAsync(string id, CancellationToken cancellationToken) => Answered(() => _sync.RenewLeaseAsync(Ann, id, cancellationToken));

    Task Tidemark.Client.Remotes.ILeases.ReleaseLeaseAsync(string id, CancellationToken cancellationToken) => _sync.ReleaseLeaseAsync(Ann, id, cancellationToken);

    private static async Task<T> Answered<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (ServerException e)
        {
            throw new SyncException(e.Problem.Code == ErrorCodes.LeaseLost ? SyncErrorCode.LeaseLost : SyncErrorCode.RateLimited, e.Problem.Detail!, e.Problem.Retryable)
            {
                WireCode = e.Problem.Code,
                RetryAfter = e.Problem.RetryAfterMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null,
            };
        }
    }

    private static byte[] Batch(int count) =>
        System.Text.Encoding.UTF8.GetBytes($$"""{"deviceId":"a","deletes":[{{string.Join(',', Enumerable.Range(0, count).Select(i => $$"""{"id":"{{ProgrammableHealthSource.Steps(i).Id}}","type":"StepCount","version":0}"""))}}]}""");

    private void Add(int first, int count)
    {
        for (var i = first; i < first + count; i++)
        {
            _source.Add(ProgrammableHealthSource.Steps(i));
        }
    }

    // Somebody else's bulk work.
    private Task HoldAsync() => _sync.AskLeaseAsync(new Caller(new UserId("bob"), IsAdministrator: false), new LeaseRequest { DeviceId = "tablet" }, Cancel);

    private void Release()
    {
        using var db = SqliteFile.Open(_folder.File("server.db"), new OpenOptions { ForeignKeys = false });
        db.Run("DELETE FROM _tm_lease");
    }

    private async Task<long> Stored() => (await _server.GetCompletenessAsync(Ann, Cancel)).Types.Sum(t => t.Samples);

    private Task<T> Drive<T>(Task<T> task) => _time.DriveAsync(task);
}
