using Tidemark.Client.Coordination;
using Tidemark.Client.Engines;
using Tidemark.Client.Errors;
using Tidemark.Client.Tests.Support;

namespace Tidemark.Client.Tests.Runs;

/// <summary>Paging, resuming, repeating, and the question before many deletions.</summary>
public sealed class PullRunTests
{
    private const string FortyFiveNotes = """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 45)
        INSERT INTO note SELECT printf('n%03d', i), 'title ' || i, NULL, NULL FROM n;
        """;

    [Fact]
    [Trait("req", "PULL-01")]
    public async Task A_pull_that_reaches_its_iteration_limit_is_gone_on_with_by_the_next_run()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + FortyFiveNotes);
        await a.SyncAsync();
        var b = world.Clone("b", a);
        b.Options.Pull.PageRowsMax = 10;
        b.Options.Pull.IterationsMax = 2;
        var first = await b.SyncAsync();
        Assert.True(first.Pull.HasMore);
        Assert.Equal(2, first.Pull.Iterations);
        await Steps.UntilQuietAsync(b);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-09")]
    [Trait("req", "PULL-07")]
    public async Task A_pull_that_was_cut_off_applies_nothing_and_downloads_nothing_again()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + FortyFiveNotes);
        await a.SyncAsync();
        var b = world.Clone("b", a);
        b.Options.Pull.PageRowsMax = 10;
        var pages = 0;
        b.Network.Decide = path => path.EndsWith("/changes", StringComparison.Ordinal) && ++pages > 2 ? Fault.DropRequest : Fault.None;
        Assert.Equal(SyncErrorCode.NetworkError, (await b.TrySyncAsync()).Error?.Code);
        Assert.Equal(0, b.Count("SELECT count(*) FROM note"));

        b.Network.Decide = _ => Fault.None;
        b.Network.Requests.Clear();
        var progress = new List<SyncProgress>();
        var report = await b.Service.SyncAsync(SyncMode.Full, "test", new Collector(progress));
        Assert.Null(report.Error);
        Assert.Equal(45, report.Pull.Applied);
        Assert.Equal(3, b.Network.Requests.Count(path => path.EndsWith("/changes", StringComparison.Ordinal)));
        Assert.NotEmpty(progress);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-08")]
    public async Task Applying_everything_a_second_time_changes_nothing()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + FortyFiveNotes);
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        const string content = "SELECT * FROM note ORDER BY id";
        const string known = "SELECT k0, version, hex(digest) FROM _tm_row_1 ORDER BY k0";
        var (rows, entries) = (b.Rows(content), b.Rows(known));
        b.Sql("UPDATE _tm_remote SET cursor = NULL; DELETE FROM _tm_cursor");
        await b.SyncAsync();
        Assert.Equal(rows, b.Rows(content));
        Assert.Equal(entries, b.Rows(known));
        Assert.Equal(0, b.Store.EngineSession.Outbox.ReadLedger().Captured);
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-12")]
    public async Task A_run_that_would_delete_most_rows_stops_and_asks()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + FortyFiveNotes);
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        a.Sql("DELETE FROM note WHERE id > 'n005'");
        await a.SyncAsync();
        b.Options.Pull.DeleteFreeRows = 5;
        var report = await b.TrySyncAsync();
        Assert.Equal(SyncErrorCode.DeleteLimit, report.Error?.Code);
        Assert.Equal(45, b.Count("SELECT count(*) FROM note"));

        b.Options.Pull.AllowManyDeletes = true;
        await b.SyncAsync();
        Assert.Equal(5, b.Count("SELECT count(*) FROM note"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "CUR-06")]
    [Trait("req", "CUR-04")]
    [Trait("req", "CUR-05")]
    public async Task A_pull_ends_at_the_head_its_first_page_saw_however_busy_the_writers_and_skips_nothing()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes + FortyFiveNotes);
        await a.SyncAsync();
        var b = world.Clone("b", a);
        b.Options.Pull.PageRowsMax = 10;
        var written = 0;
        b.Network.BeforeAnswer = async path =>
        {
            if (path.EndsWith("/changes", StringComparison.Ordinal) && written < 40)
            {
                for (var i = 0; i < 10; i++)
                {
                    a.Sql($"INSERT INTO note VALUES('m{++written:000}', 'meanwhile', NULL, NULL)");
                }

                await a.SyncAsync();
            }
        };
        var report = await b.SyncAsync();
        Assert.Equal(45, b.Count("SELECT count(*) FROM note"));
        Assert.Equal(5, report.Pull.Iterations);
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(45 + written, b.Count("SELECT count(*) FROM note"));
        Steps.AssertEqual(a, b);
    }

    [Fact]
    [Trait("req", "PULL-03")]
    public async Task A_pulled_child_finds_its_parent_under_the_id_the_parent_has_here()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Authors);
        await a.SyncAsync();
        var b = world.Clone("b", a);
        await b.SyncAsync();
        a.Sql("INSERT INTO author VALUES(1, 'of a', NULL)");
        b.Sql("INSERT INTO author VALUES(1, 'of b', NULL)");
        await a.SyncAsync();
        await Steps.UntilQuietAsync(b, a);
        a.Sql("INSERT INTO book SELECT 10, id, 'a writes for b', NULL FROM author WHERE name = 'of b'");
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(["of b|a writes for b"], b.Rows("SELECT name, title FROM book JOIN author ON author.id = author_id"));
        Steps.AssertEqual(a, b);
    }

    private sealed class Collector(List<SyncProgress> seen) : IProgress<SyncProgress>
    {
        public void Report(SyncProgress value) => seen.Add(value);
    }
}
