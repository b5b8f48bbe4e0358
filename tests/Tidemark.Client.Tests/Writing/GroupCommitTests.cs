using Microsoft.Data.Sqlite;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Writing;

public sealed class GroupCommitTests : IDisposable
{
    private readonly NotesFile _file = new();
    private readonly ManualScheduler _scheduler = new();

    public void Dispose() => _file.Dispose();

    [Fact]
    [Trait("req", "STO-11")]
    public async Task Works_that_wait_together_share_one_commit()
    {
        await using var ended = new Ending(_file, _scheduler);
        var tasks = Enumerable.Range(1, 16).Select(id => ended.Queue.Insert(id)).ToArray();
        Assert.All(tasks, task => Assert.False(task.IsCompleted));
        _scheduler.RunAll();
        Assert.Equal(16, (await Task.WhenAll(tasks)).Sum());
        Assert.Equal(1, ended.Queue.Commits);
        Assert.Equal(16, _file.Ids().Length);
        Assert.Equal(0, _scheduler.Waiting);
    }

    [Theory]
    [InlineData(512, 1)]
    [InlineData(513, 2)]
    [Trait("req", "STO-11")]
    public async Task A_commit_takes_no_more_works_than_its_bound(int works, int commits)
    {
        // A clock that stands still: only the number of works counts.
        await using var ended = new Ending(_file, _scheduler, new StoppedTime());
        var tasks = Enumerable.Range(1, works).Select(id => ended.Queue.Insert(id)).ToArray();
        _scheduler.RunAll();
        await Task.WhenAll(tasks);
        Assert.Equal(commits, ended.Queue.Commits);
    }

    [Fact]
    [Trait("req", "STO-11")]
    public async Task A_commit_is_not_put_off_for_longer_than_its_time()
    {
        var time = new StoppedTime();
        await using var ended = new Ending(_file, _scheduler, time);
        var slow = Enumerable.Range(1, 4).Select(id => ended.Queue.RunAsync(
            connection =>
            {
                time.Milliseconds += 10;
                return connection.Run("INSERT INTO note(id) VALUES(?)", Value.Integer(id));
            },
            CancellationToken.None)).ToArray();
        _scheduler.RunAll();
        await Task.WhenAll(slow);
        Assert.Equal(2, ended.Queue.Commits);
    }

    [Fact]
    [Trait("req", "STO-11")]
    public async Task A_work_that_throws_is_rolled_back_and_only_its_caller_hears_of_it()
    {
        await using var ended = new Ending(_file, _scheduler);
        var before = ended.Queue.Insert(1);
        var thrown = ended.Queue.RunAsync<int>(
            connection =>
            {
                connection.Run("INSERT INTO note(id) VALUES(2)");
                throw new FormatException("mine");
            },
            CancellationToken.None);
        var clash = ended.Queue.Insert(1);
        var provider = ended.Queue.RunAsync(
            connection =>
            {
                using var command = connection.CreateCommand();
                command.CommandText = "INSERT INTO strict_child(id, parent_id) VALUES(1, 99)";
                return command.ExecuteNonQuery();
            },
            CancellationToken.None);
        var after = ended.Queue.Insert(3);
        _scheduler.RunAll();
        await before;
        await after;
        Assert.Equal("mine", (await Assert.ThrowsAsync<FormatException>(() => thrown)).Message);
        Assert.Equal(StoreTrouble.ConstraintUnique, (await Assert.ThrowsAsync<StoreException>(() => clash)).Trouble);
        var typed = await Assert.ThrowsAsync<StoreException>(() => provider);
        Assert.Equal(StoreTrouble.ConstraintForeignKey, typed.Trouble);
        Assert.IsType<SqliteException>(typed.InnerException);
        Assert.Equal([1, 3], _file.Ids());
        Assert.Equal(1, ended.Queue.Commits);
    }

    [Fact]
    [Trait("req", "STO-11")]
    public async Task A_work_that_leaves_a_reference_open_is_run_alone_and_fails_alone()
    {
        await using var ended = new Ending(_file, _scheduler);
        var before = ended.Queue.Insert(1);
        var orphan = ended.Queue.RunSql("INSERT INTO child(id, parent_id) VALUES(1, 99)");
        var after = ended.Queue.Insert(2);

        // Each work stands for itself: a later one does not make good what an earlier one left open.
        var parent = ended.Queue.RunSql("INSERT INTO parent(id) VALUES(99)");
        _scheduler.RunAll();
        await Task.WhenAll(before, after, parent);
        Assert.Equal(StoreTrouble.ConstraintForeignKey, (await Assert.ThrowsAsync<StoreException>(() => orphan)).Trouble);
        Assert.Equal([1, 2], _file.Ids());
        Assert.Empty(_file.Ids("child"));
    }

    [Fact]
    [Trait("req", "STO-11")]
    public async Task A_reference_closed_within_the_work_is_fine()
    {
        await using var ended = new Ending(_file, _scheduler);
        var both = ended.Queue.RunSql("INSERT INTO child(id, parent_id) VALUES(1, 9); INSERT INTO parent(id) VALUES(9)");
        var deferred = ended.Queue.RunSql("PRAGMA defer_foreign_keys=1; INSERT INTO strict_child(id, parent_id) VALUES(1, 8); INSERT INTO parent(id) VALUES(8)");
        var strict = ended.Queue.RunSql("INSERT INTO strict_child(id, parent_id) VALUES(2, 7)");
        _scheduler.RunAll();
        await both;
        await deferred;
        await Assert.ThrowsAsync<StoreException>(() => strict);
        Assert.Equal([8, 9], _file.Ids("parent"));
    }

    [Theory]
    [InlineData("ROLLBACK")]
    [InlineData("COMMIT")]
    [InlineData("ROLLBACK; INSERT INTO note(id) VALUES(50)")]
    [InlineData("ROLLBACK; BEGIN; INSERT INTO note(id) VALUES(50)")]
    [InlineData("ROLLBACK; BEGIN; SAVEPOINT _tm_work; INSERT INTO note(id) VALUES(50)")]
    [InlineData("ROLLBACK; PRAGMA foreign_keys=0; BEGIN IMMEDIATE")]
    [InlineData("ROLLBACK; PRAGMA synchronous=0")]
    [Trait("req", "STO-11")]
    public async Task A_work_that_ends_the_transaction_loses_itself_and_nobody_else(string sql)
    {
        await using var ended = new Ending(_file, _scheduler);
        var runs = 0;
        var before = ended.Queue.RunSql("INSERT INTO note(id, text) VALUES(1, (SELECT count(*) FROM note))");
        var culprit = ended.Queue.RunAsync(
            connection =>
            {
                runs++;
                connection.Run("INSERT INTO note(id) VALUES(40)");
                connection.Run(sql);
                return 0;
            },
            CancellationToken.None);
        var after = ended.Queue.Insert(2);
        var settings = ended.Queue.RunAsync(
            connection => (connection.Scalar("PRAGMA foreign_keys").AsInteger, connection.Scalar("PRAGMA synchronous").AsInteger),
            CancellationToken.None);
        _scheduler.RunAll();
        await before;
        await after;
        await Assert.ThrowsAsync<InvalidOperationException>(() => culprit);
        Assert.Equal((1, 2), await settings);
        Assert.Equal([1, 2], _file.Ids());
        Assert.Equal(2, runs);
    }

    [Theory]
    [InlineData("PRAGMA defer_foreign_keys=1")]
    [InlineData("PRAGMA query_only=1")]
    [InlineData("PRAGMA foreign_keys=0")]
    [InlineData("PRAGMA ignore_check_constraints=1")]
    [InlineData("PRAGMA recursive_triggers=1")]
    [InlineData("PRAGMA busy_timeout=0")]
    [Trait("req", "STO-11")]
    public async Task A_setting_changed_by_a_work_is_back_for_the_next(string sql)
    {
        await using var ended = new Ending(_file, _scheduler);
        var before = ended.Queue.Insert(1);
        var culprit = ended.Queue.RunSql(sql);
        var after = ended.Queue.Insert(2);
        var strict = ended.Queue.RunSql("INSERT INTO strict_child(id, parent_id) VALUES(1, 99); INSERT INTO parent(id) VALUES(99)");
        var settings = ended.Queue.RunAsync(
            connection => string.Join(' ', new[] { "defer_foreign_keys", "query_only", "foreign_keys", "ignore_check_constraints", "recursive_triggers", "busy_timeout" }
                .Select(name => connection.Scalar("PRAGMA " + name).AsInteger)),
            CancellationToken.None);
        _scheduler.RunAll();
        await Task.WhenAll(before, culprit, after);
        await Assert.ThrowsAsync<StoreException>(() => strict);
        Assert.Equal("0 0 1 0 0 10000", await settings);
        Assert.Equal([1, 2], _file.Ids());
    }

    [Fact]
    [Trait("req", "STO-11")]
    public async Task A_work_that_fills_the_disk_fails_alone()
    {
        await using var ended = new Ending(_file, _scheduler, pages: 40);
        var before = ended.Queue.Insert(1);
        var huge = ended.Queue.RunSql("INSERT INTO note(id, text) VALUES(2, hex(randomblob(1000000)))");
        var after = ended.Queue.Insert(3);
        _scheduler.RunAll();
        await before;
        await after;
        var trouble = await Assert.ThrowsAsync<StoreException>(() => huge);
        Assert.Equal(StoreTrouble.Full, trouble.Trouble);
        Assert.True(trouble.Retryable);
        Assert.Equal([1, 3], _file.Ids());
    }

    [Fact]
    [Trait("req", "STO-11")]
    public async Task A_work_that_closes_the_connection_stops_nobody_else()
    {
        await using var ended = new Ending(_file, _scheduler);
        var before = ended.Queue.Insert(1);
        var culprit = ended.Queue.RunAsync(
            connection =>
            {
                connection.Close();
                return 0;
            },
            CancellationToken.None);
        var after = ended.Queue.Insert(2);
        _scheduler.RunAll();
        await before;
        await after;
        await Assert.ThrowsAsync<InvalidOperationException>(() => culprit);
        Assert.Equal([1, 2], _file.Ids());
    }
}
