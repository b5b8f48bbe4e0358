using Tidemark.Client.Storage.Writing;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Writing;

public sealed class QueueOrderTests : IDisposable
{
    private readonly NotesFile _file = new();
    private readonly ManualScheduler _scheduler = new();

    public void Dispose() => _file.Dispose();

    [Fact]
    [Trait("req", "STO-08")]
    public async Task Works_run_in_the_order_they_came_offenders_included()
    {
        await using var ended = new Ending(_file, _scheduler);
        var seen = new List<long>();
        Task<int> Note(int id, string sql) => ended.Queue.RunAsync(
            connection =>
            {
                connection.Run(sql);
                seen.Add(connection.Scalar("SELECT count(*) FROM note").AsInteger);
                return connection.Run("INSERT INTO note(id) VALUES(?)", Value.Integer(id));
            },
            CancellationToken.None);
        Task[] tasks = [Note(1, "SELECT 1"), Note(2, "PRAGMA defer_foreign_keys=1"), Note(3, "SELECT 1")];
        _scheduler.RunAll();
        await Task.WhenAll(tasks);

        // The second was run in the group first and then alone; both times after the first and before the third.
        Assert.Equal([0, 1, 1, 2], seen);
    }

    [Fact]
    [Trait("req", "STO-08")]
    public async Task A_work_cancelled_before_it_starts_is_never_run_and_one_that_runs_is_finished()
    {
        await using var ended = new Ending(_file, _scheduler);
        using var early = new CancellationTokenSource();
        using var late = new CancellationTokenSource();
        var first = ended.Queue.Insert(1);
        var cancelled = ended.Queue.Insert(2, early.Token);
        var running = ended.Queue.RunAsync(
            connection =>
            {
                late.Cancel();
                return connection.Run("INSERT INTO note(id) VALUES(?)", Value.Integer(3));
            },
            late.Token);
        await early.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        _scheduler.RunAll();
        await first;
        await running;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ended.Queue.Insert(4, new CancellationToken(canceled: true)));
        Assert.Equal([1, 3], _file.Ids());
    }

    [Fact]
    [Trait("req", "STO-08")]
    public async Task A_queue_that_closes_finishes_its_works_and_leaves_the_others_of_the_file_alone()
    {
        var first = _file.Queue(_scheduler);
        var second = _file.Queue(_scheduler);
        var taken = first.Insert(1);
        var closed = first.DisposeAsync().AsTask();
        var again = first.DisposeAsync().AsTask();
        var later = second.Insert(2);
        Assert.False(closed.IsCompleted);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => first.Insert(3));
        _scheduler.RunAll();
        await Task.WhenAll(taken, closed, again, later);

        // Opened anew before the last one is closed: still the same order.
        var last = second.DisposeAsync().AsTask();
        var third = _file.Queue(_scheduler);
        var more = third.Insert(4);
        _scheduler.RunAll();
        await Task.WhenAll(last, more);
        var end = third.DisposeAsync().AsTask();
        _scheduler.RunAll();
        await end;
        Assert.Equal([1, 2, 4], _file.Ids());

        // With the last connection gone SQLite has taken the WAL away.
        Assert.False(File.Exists(_file.Path + "-wal"));
    }

    [Fact]
    [Trait("req", "STO-09")]
    public async Task Trouble_with_opening_reaches_the_callers_typed_and_the_next_call_tries_again()
    {
        var missing = Path.Combine(_file.Folder, "late.db");
        await using var queue = WriteQueue.Open(missing, () => SqliteFile.Open(missing, new OpenOptions()));
        Assert.Equal(StoreTrouble.CannotOpen, (await Assert.ThrowsAsync<StoreException>(() => queue.RunSql("SELECT 1"))).Trouble);
        using (SqliteFile.Open(missing, new OpenOptions { CreateIfMissing = true }))
        {
        }

        await queue.RunSql("CREATE TABLE t(a)");
    }
}
