using Tidemark.Client.Queries;
using Tidemark.Client.Tests.Support;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Queries;

[Trait("req", "STO-12")]
public sealed class LiveQueryTests
{
    private const string Schema = Schemas.Authors + """
        CREATE TABLE draft(text TEXT);
        CREATE TABLE tag(name TEXT PRIMARY KEY, weight INTEGER) WITHOUT ROWID;
        CREATE VIEW shelf AS SELECT b.title AS title, a.name AS name FROM book b JOIN author a ON a.id = b.author_id;
        """;

    private const string Names = "SELECT name FROM author ORDER BY id";

    [Fact]
    public async Task A_query_yields_again_after_a_write_to_its_table_and_not_after_one_to_another()
    {
        await using var w = new Watching(Schema);
        await using var names = w.Watch(Names);
        Assert.Equal("", await names.NextAsync());
        await w.WriteAsync("INSERT INTO tag VALUES('t', 1)");
        await w.WriteAsync("INSERT INTO draft VALUES('d')");
        await w.WriteAsync("INSERT INTO author VALUES(1, 'Ann', NULL)");
        Assert.Equal("Ann", await names.NextAsync());
        Assert.Equal(2, names.Runs);

        // The same value again is a write all the same.
        await w.WriteAsync("UPDATE author SET name = 'Ann' WHERE id = 1");
        Assert.Equal("Ann", await names.NextAsync());
        Assert.Equal(3, names.Runs);
    }

    [Fact]
    [Trait("req", "STO-10")]
    public async Task A_commit_of_another_connection_is_noticed_at_the_next_look_within_a_second()
    {
        await using var w = new Watching(Schema);
        await using var names = w.Watch(Names);
        await using var tags = w.Watch("SELECT count(*) FROM tag");
        await names.NextAsync();
        await tags.NextAsync();
        w.Other.Run("INSERT INTO author VALUES(1, 'Ann', NULL)");
        w.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("Ann", await names.NextAsync());
        w.Other.Run("INSERT INTO tag VALUES('t', 1)");
        w.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("1", await tags.NextAsync());
        Assert.Equal((2, 2), (names.Runs, tags.Runs));
    }

    [Theory]
    [InlineData("SELECT title FROM shelf", "UPDATE author SET name = 'x'")]
    [InlineData("SELECT count(*) FROM book", "DELETE FROM author WHERE id = 1")]
    [InlineData("SELECT count(*) FROM author WHERE EXISTS (SELECT 1 FROM tag)", "INSERT INTO tag VALUES('t', 1)")]
    [InlineData("WITH b AS (SELECT title FROM book) SELECT title FROM b", "INSERT OR REPLACE INTO book VALUES(1, 1, 'other', NULL)")]
    [InlineData("SELECT weight FROM tag", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) INSERT INTO tag SELECT i, i FROM n")]
    public async Task Tables_are_found_behind_views_subqueries_and_cascades(string query, string write)
    {
        await using var w = new Watching(Schema);
        await w.WriteAsync("INSERT INTO author VALUES(1, 'Ann', NULL); INSERT INTO book VALUES(1, 1, 'one', NULL)");
        await using var watched = w.Watch(query);
        await watched.NextAsync();
        await w.WriteAsync(write);
        await watched.NextAsync();
        Assert.Equal(2, watched.Runs);
    }

    [Fact]
    public async Task Of_a_table_that_is_not_synced_only_a_changed_result_is_told()
    {
        await using var w = new Watching(Schema);
        await using var drafts = w.Watch("SELECT text FROM draft");
        await drafts.NextAsync();
        await w.WriteAsync("INSERT INTO author VALUES(1, 'Ann', NULL)");
        w.Other.Run("INSERT INTO draft VALUES('d')");
        w.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("d", await drafts.NextAsync());
    }

    [Fact]
    public async Task Writes_while_the_consumer_is_busy_are_one_more_result()
    {
        await using var w = new Watching(Schema);
        await using var count = w.Watch("SELECT count(*) FROM author");
        await count.NextAsync();
        for (var i = 1; i <= 100; i++)
        {
            await w.WriteAsync($"INSERT INTO author VALUES({i}, 'a', NULL)");
        }

        Assert.Equal("100", await count.NextAsync());
        await w.WriteAsync("DELETE FROM author WHERE id = 1");
        Assert.Equal("99", await count.NextAsync());
        Assert.Equal(3, count.Runs);
    }

    [Fact]
    public async Task No_write_is_missed_between_a_read_and_the_wait()
    {
        await using var w = new Watching(Schema);
        await using var count = w.Watch("SELECT count(*) FROM author");
        await count.NextAsync();
        for (var i = 1; i <= 300; i++)
        {
            // The write runs while the query goes from one result to its wait.
            var write = w.WriteAsync($"INSERT INTO author VALUES({i}, 'a', NULL)");
            while (await count.NextAsync() != $"{i}")
            {
            }

            await write;
        }

        Assert.InRange(count.Runs, 301, 301);
    }

    [Fact]
    public async Task A_pull_is_told_once_and_what_is_only_sent_is_not()
    {
        await using var world = await World.StartAsync();
        var a = world.Adopt("a", Schemas.Notes);
        var b = world.Clone("b", a);
        await Steps.UntilQuietAsync(a, b);
        await using var here = new Watched<long>(a.Store, c => c.Scalar("SELECT count(*) FROM note").AsInteger);
        await using var there = new Watched<long>(b.Store, c => c.Scalar("SELECT count(*) FROM note").AsInteger);
        Assert.Equal(0, await here.NextAsync());
        Assert.Equal(0, await there.NextAsync());
        a.Sql("INSERT INTO note(id, title) VALUES('n', 't')");
        Assert.Equal(1, await here.NextAsync());
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(1, await there.NextAsync());
        a.Sql("DELETE FROM note");
        Assert.Equal(0, await here.NextAsync());
        await Steps.UntilQuietAsync(a, b);
        Assert.Equal(0, await there.NextAsync());
        Assert.Equal((3, 3), (here.Runs, there.Runs));
    }

    [Fact]
    public async Task An_hour_of_nothing_is_a_look_an_interval_and_no_write_and_no_run()
    {
        await using var w = new Watching(Schema);
        await using var names = w.Watch(Names);
        await names.NextAsync();
        var next = names.NextAsync();
        var version = w.Other.Scalar("PRAGMA data_version");
        var looks = w.Store.Changes.Looks;
        for (var i = 0; i < 12_000; i++)
        {
            w.Time.Advance(TimeSpan.FromMilliseconds(300));
        }

        Assert.InRange(w.Store.Changes.Looks - looks, 0, 12_001);
        Assert.Equal(version, w.Other.Scalar("PRAGMA data_version"));
        Assert.Equal(1, names.Runs);
        await w.WriteAsync("INSERT INTO author VALUES(1, 'Ann', NULL)");
        Assert.Equal("Ann", await next);
    }

    [Fact]
    public async Task Without_a_watch_nothing_looks_and_the_end_of_the_store_ends_the_watch()
    {
        await using var w = new Watching(Schema);
        Assert.Equal(0, w.Time.Waiting);
        await using (var names = w.Watch(Names))
        {
            await names.NextAsync();
            Assert.Equal(1, w.Time.Waiting);
        }

        await using var again = w.Store.WatchAsync(c => c.Scalar(Names)).GetAsyncEnumerator();
        Assert.True(await again.MoveNextAsync());
        var end = again.MoveNextAsync().AsTask();
        await w.Store.DisposeAsync();
        Assert.False(await end.WaitAsync(Watching.Deadline));
        Assert.Equal(0, w.Time.Waiting);
    }

    [Fact]
    [Trait("req", "STO-10")]
    public async Task Commits_are_told_with_whether_they_wait_to_be_sent()
    {
        await using var w = new Watching(Schema);
        await using var commits = w.Store.Changes.CommitsAsync().GetAsyncEnumerator();
        Assert.True(await commits.MoveNextAsync());
        w.Other.Run("INSERT INTO author VALUES(1, 'Ann', NULL)");
        w.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(await commits.MoveNextAsync().AsTask().WaitAsync(Watching.Deadline));
        Assert.True(commits.Current);
        w.Other.Run("INSERT INTO draft VALUES('d')");
        w.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(await commits.MoveNextAsync().AsTask().WaitAsync(Watching.Deadline));
        Assert.False(commits.Current);
    }
}
