using Tidemark.Client.Coordination;
using Tidemark.Client.Engines;
using Tidemark.Client.Errors;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Engines;

/// <summary>The pull against a real server.</summary>
public sealed class PullTests
{
    [Fact]
    [Trait("req", "PULL-01")]
    [Trait("req", "PULL-09")]
    [Trait("req", "PULL-07")]
    public async Task A_pull_that_meets_its_bound_goes_on_in_the_next_run_without_fetching_again()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await FilledAsync(world, 100);
        b.Options.Pull.PageRowsMax = 10;
        b.Options.Pull.IterationsMax = 3;
        var report = await b.SyncAsync();
        Assert.True(report.Pull.HasMore);
        Assert.Equal(0, b.Count("SELECT count(*) FROM note"));
        Assert.Equal(3, b.Store.EngineSession.Stage.Pages().Count);
        await b.RestartAsync(world);
        b.Options.Pull.IterationsMax = 100;
        await b.SyncAsync();
        Assert.Equal(7, b.Network.Requests.Count(r => r.EndsWith("/changes", StringComparison.Ordinal)));
        Assert.Empty(b.Store.EngineSession.Stage.Pages());
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-09")]
    public async Task A_cancelled_pull_keeps_what_it_staged_and_reports_progress()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await FilledAsync(world, 100);
        b.Options.Pull.PageRowsMax = 10;
        using var cancel = new CancellationTokenSource();
        var seen = new List<SyncProgress>();
        var progress = new Direct(p =>
        {
            seen.Add(p);
            if (p is { Phase: SyncPhase.Pull, Rows: >= 30 })
            {
                cancel.Cancel();
            }
        });
        var report = await b.Service.SyncAsync(SyncMode.Full, "test", progress, cancel.Token);
        Assert.Equal(SyncOutcome.Cancelled, report.Outcome);
        Assert.Contains(seen, p => p is { Phase: SyncPhase.Pull, Total: 100, Bytes: > 0 });
        Assert.NotEmpty(b.Store.EngineSession.Stage.Pages());
        await Steps.UntilQuietAsync(b);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-03")]
    [Trait("req", "PUSH-06")]
    public async Task A_pulled_reference_is_never_satisfied_by_a_row_made_here_under_the_same_number()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        a.Sql("INSERT INTO author VALUES(1, 'of a', NULL); INSERT INTO book VALUES(1, 1, 'book of a', NULL)");
        await a.SyncAsync();
        b.Sql("INSERT INTO author VALUES(1, 'of b', NULL)");
        await b.SyncAsync(SyncMode.PullOnly);
        Assert.Equal(["book of a|of a"], b.Rows("SELECT title, name FROM book JOIN author ON author.id = author_id"));
        await Steps.UntilQuietAsync(b, a);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-05")]
    public async Task A_row_that_fails_to_apply_is_put_aside_and_lands_once_its_cause_is_gone()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        b.Sql("CREATE TRIGGER picky BEFORE INSERT ON note WHEN NEW.id = 'bad' BEGIN SELECT RAISE(ABORT, 'not here'); END");
        a.Sql("INSERT INTO note VALUES('bad', '', '', NULL), ('good', '', '', NULL)");
        await a.SyncAsync();
        var report = await b.SyncAsync();
        Assert.Equal((1, 1L), (report.Pull.Applied, report.Pull.Aside));
        Assert.Equal(1, report.Pull.FailedByType["note"]);
        b.Sql("DROP TRIGGER picky");
        var requests = b.Network.Requests.Count;
        await Steps.UntilQuietAsync(b);
        Assert.True(b.Network.Requests.Count > requests);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-06")]
    [Trait("req", "PULL-07")]
    public async Task A_large_pull_is_applied_in_slices_and_edits_between_them_are_captured()
    {
        await using var world = await World.StartAsync();
        var (a, b) = await FilledAsync(world, 300);
        b.Options.Pull.PageRowsMax = 50;
        b.Options.Pull.SliceMs = 1;
        await b.SyncAsync();
        await Steps.UntilQuietAsync(a, b);
        Steps.AssertEqual(a, b);
    }

    private static async Task<(Device A, Device B)> FilledAsync(World world, int rows)
    {
        var a = world.Adopt("a", Schemas.Notes);
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        a.Sql($"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) INSERT INTO note SELECT 'n' || i, 'title ' || i, 'body', NULL FROM n");
        await a.SyncAsync();
        return (a, b);
    }

    private sealed class Direct(Action<SyncProgress> report) : IProgress<SyncProgress>
    {
        public void Report(SyncProgress value) => report(value);
    }
}
