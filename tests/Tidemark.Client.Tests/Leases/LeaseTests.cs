using Tidemark.Client.Coordination;
using Tidemark.Client.Environment;
using Tidemark.Client.Errors;
using Tidemark.Client.Remotes;
using Tidemark.Client.Tests.Queries;
using Tidemark.Client.Tests.Support;
using Tidemark.Model.Protocol;
using Tidemark.Server;
using Tidemark.Server.Leases;
using Tidemark.Sqlite;
using Tidemark.Testing;

namespace Tidemark.Client.Tests.Leases;

[Trait("req", "RUN-04")]
public sealed class LeaseTests
{
    private const string FiftyNotes = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) INSERT INTO note(id, title) SELECT 'n' || i, 't' FROM n;";

    private static ServerOptions Admitting => new() { Dev = true, Leases = new LeaseOptions { Commands = 10, Rows = 20, LeasesMax = 1, RetryMinMs = 1000 } };

    [Fact]
    public async Task Bulk_work_is_admitted_and_gives_its_lease_back_and_small_work_asks_for_none()
    {
        await using var world = await World.StartAsync(Admitting);
        var a = world.Adopt("a", Schemas.Notes + FiftyNotes);
        await a.SyncAsync();
        Assert.Equal(50, a.Network.PushBodies.Sum(b => b.Split("\"CREATE\"").Length - 1));
        Assert.Single(a.Network.PushBodies); // All at once, under the lease.
        Assert.Equal(2, a.Network.Requests.Count(r => r.StartsWith("/sync/lease", StringComparison.Ordinal)));
        Assert.Empty(Book(world, "HELD"));
        a.Network.Requests.Clear();
        a.Sql("UPDATE note SET title = 'x' WHERE id = 'n1'");
        await Steps.UntilQuietAsync(a);
        Assert.DoesNotContain(a.Network.Requests, r => r.StartsWith("/sync/lease", StringComparison.Ordinal));
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(b);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    public async Task A_denial_ends_the_run_with_the_time_to_wait_and_sends_nothing()
    {
        await using var world = await World.StartAsync(Admitting);
        var a = world.Adopt("a", Schemas.Notes + FiftyNotes);
        await a.SyncAsync();
        Hold(world, "somebody");
        var b = world.Clone("b", a);
        var report = await b.TrySyncAsync();
        Assert.Equal((SyncErrorCode.RateLimited, ErrorCodes.LeaseDenied), (report.Error!.Code, report.Error.WireCode));
        Assert.Equal(TimeSpan.FromSeconds(1), report.Error.RetryAfter);
        Assert.Equal(0, b.Count("SELECT count(*) FROM note"));
        Sql(world, "DELETE FROM _tm_lease WHERE state = 'HELD'");
        b.Sql("DELETE FROM _tm_pace"); // The time is over.
        b.Connect(world);
        await Steps.UntilQuietAsync(b);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    public async Task A_denied_first_fetch_lets_what_was_written_here_out_all_the_same()
    {
        await using var world = await World.StartAsync(Admitting);
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        Hold(world, "somebody");
        var b = world.Clone("b", a);
        b.Sql("INSERT INTO note(id, title) VALUES('of b', 't')");
        var report = await b.TrySyncAsync();
        Assert.Equal((ErrorCodes.LeaseDenied, 1, 0L), (report.Error!.WireCode, report.Push.Accepted, report.Pending));
        Assert.Equal(0, report.Pull.Iterations);
        Sql(world, "DELETE FROM _tm_lease WHERE state = 'HELD'");
        b.Sql("DELETE FROM _tm_pace"); // The time is over.
        b.Connect(world);
        await Steps.UntilQuietAsync(b, a);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    public async Task A_lease_that_is_lost_in_the_middle_stops_the_work_and_the_next_run_goes_on()
    {
        await using var world = await World.StartAsync(Admitting);
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        a.Sql(FiftyNotes);
        var isTaken = false;
        a.Network.BeforeRequest = path =>
        {
            if (path == "/sync/push" && !isTaken)
            {
                isTaken = true;
                Sql(world, "DELETE FROM _tm_lease");
            }

            return Task.CompletedTask;
        };
        var report = await a.TrySyncAsync();
        Assert.Equal(SyncErrorCode.LeaseLost, report.Error!.Code);
        Assert.True(report.Error.Retryable);
        Assert.Equal(50, report.Pending);
        await Steps.UntilQuietAsync(a);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(b);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    public async Task A_lease_that_is_lost_in_the_middle_of_a_first_fetch_keeps_the_pages_that_came_and_the_next_run_goes_on_behind_them()
    {
        await using var world = await World.StartAsync(Admitting);
        var a = world.Adopt("a", Schemas.Notes + FiftyNotes);
        await Steps.UntilQuietAsync(a);
        var b = world.Clone("b", a);
        b.Options.Pull.PageRowsMax = 10;
        b.Connect(world);
        var pages = 0;
        b.Network.BeforeRequest = path =>
        {
            if (path == "/sync/changes" && ++pages == 4)
            {
                Sql(world, "DELETE FROM _tm_lease");
            }

            return Task.CompletedTask;
        };
        var report = await b.TrySyncAsync();
        Assert.Equal((SyncErrorCode.LeaseLost, true), (report.Error!.Code, report.Error.Retryable));
        Assert.Equal(0, b.Count("SELECT count(*) FROM note"));
        var staged = b.Count("SELECT count(*) FROM _tm_stage");
        Assert.True(staged is > 0 and < 5, $"{staged} pages");
        Assert.True(b.Scalar("SELECT owner FROM _tm_lock").IsNull);
        b.Sql("DELETE FROM _tm_pace"); // The back-off is over.
        pages = 100;
        await b.SyncAsync();
        Assert.True(pages - 100 <= 6 - staged, $"{pages - 100} pages were fetched again with {staged} there.");
        await Steps.UntilQuietAsync(b);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    public async Task It_is_renewed_at_a_third_of_its_time_and_lost_when_nobody_answers_until_its_end()
    {
        var remote = new Leases();
        var time = new VirtualTime();
        await using var lease = await new SyncLeaseManager(remote, Environment(time)).AcquireAsync("d", CancellationToken.None);
        Assert.Equal("lease", remote.Lease);
        for (var i = 1; i <= 3; i++)
        {
            await TickAsync(time);
            Assert.Equal(i, await remote.RenewedAsync());
        }

        Assert.False(lease.Lost.IsCancellationRequested);
        remote.Trouble = new SyncException(SyncErrorCode.NetworkError, "No answer.", retryable: true);
        for (var i = 4; i <= 6; i++)
        {
            Assert.False(lease.Lost.IsCancellationRequested);
            await TickAsync(time);
            Assert.Equal(i, await remote.RenewedAsync());
        }

        await LostAsync(lease);
        await lease.DisposeAsync();
        Assert.Null(remote.Lease);
        Assert.Equal(0, remote.Released);
    }

    [Fact]
    public async Task A_refused_renewal_is_the_end_at_once_and_a_release_happens_once()
    {
        var remote = new Leases { Trouble = new SyncException(SyncErrorCode.LeaseLost, "Lost.", retryable: true) };
        var time = new VirtualTime();
        await using (var lease = await new SyncLeaseManager(remote, Environment(time)).AcquireAsync("d", CancellationToken.None))
        {
            await TickAsync(time);
            await LostAsync(lease);
        }

        remote.Trouble = null;
        await using (await new SyncLeaseManager(remote, Environment(time)).AcquireAsync("d", CancellationToken.None))
        {
        }

        Assert.Equal(1, remote.Released);
        Assert.Equal(0, time.Waiting);
    }

    private static async Task LostAsync(SyncLease lease)
    {
        var lost = new TaskCompletionSource();
        await using var registration = lease.Lost.Register(() => lost.TrySetResult());
        await lost.Task.WaitAsync(Watching.Deadline);
    }

    // The loop waits for its timer when there is one.
    private static async Task TickAsync(VirtualTime time)
    {
        var until = System.Environment.TickCount64 + (long)Watching.Deadline.TotalMilliseconds;
        while (time.Waiting == 0)
        {
            Assert.True(System.Environment.TickCount64 < until, "Nothing waits for the time.");
            await Task.Yield();
        }

        time.Advance(TimeSpan.FromSeconds(10));
    }

    private static SyncEnvironment Environment(TimeProvider time) => new()
    {
        Time = time,
        Random = SyncEnvironment.System.Random,
        Transport = SyncEnvironment.System.Transport,
        ProcessName = SyncEnvironment.System.ProcessName,
        IsAlive = SyncEnvironment.System.IsAlive,
    };

    private static void Hold(World world, string user) =>
        Sql(world, $"INSERT INTO _tm_lease VALUES(x'00000000000000000000000000000001', '{user}', 'd', 'HELD', 1, 9000000000000)");

    private static void Sql(World world, string sql)
    {
        using var connection = SqliteFile.Open(world.ServerFile, new OpenOptions());
        connection.Run(sql);
    }

    private static List<string> Book(World world, string state)
    {
        using var connection = SqliteFile.Open(world.ServerFile, new OpenOptions());
        return connection.Query($"SELECT device FROM _tm_lease WHERE state = '{state}'").ConvertAll(r => r[0].AsText);
    }

    /// <summary>A server that admits everybody for 30 seconds.</summary>
    private sealed class Leases : ILeases
    {
        private readonly SemaphoreSlim _renewals = new(0);
        private int _renewed;

        public SyncException? Trouble { get; set; }

        public int Released { get; private set; }

        public string? Lease { get; set; }

        public Task<LeaseResponse> AskLeaseAsync(LeaseRequest request, CancellationToken cancellationToken) => Task.FromResult(Given());

        public Task<LeaseResponse> RenewLeaseAsync(string id, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _renewed);
            _renewals.Release();
            return Trouble is { } trouble ? Task.FromException<LeaseResponse>(trouble) : Task.FromResult(Given());
        }

        public Task ReleaseLeaseAsync(string id, CancellationToken cancellationToken)
        {
            Released++;
            return Task.CompletedTask;
        }

        public async Task<int> RenewedAsync()
        {
            Assert.True(await _renewals.WaitAsync(Watching.Deadline), "It was not renewed.");
            return Volatile.Read(ref _renewed);
        }

        private static LeaseResponse Given() => new() { LeaseId = "lease", ExpiresInMs = 30_000, ExpiresAt = DateTimeOffset.UnixEpoch };
    }
}
