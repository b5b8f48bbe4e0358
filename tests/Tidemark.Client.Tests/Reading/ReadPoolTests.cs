using Tidemark.Client.Storage.Reading;
using Tidemark.Client.Tests.Writing;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Reading;

public sealed class ReadPoolTests : IDisposable
{
    private readonly NotesFile _file = new();

    public void Dispose() => _file.Dispose();

    [Fact]
    [Trait("req", "STO-08")]
    public async Task A_read_sees_one_snapshot_while_others_commit()
    {
        await using var pool = Pool();
        using var writer = _file.Connect(TimeSpan.Zero);
        writer.Run("INSERT INTO note(id) VALUES(1)");
        var counts = await pool.ReadAsync(
            connection =>
            {
                var first = connection.Scalar("SELECT count(*) FROM note").AsInteger;
                writer.Run("INSERT INTO note(id) VALUES(2)");
                return (first, connection.Scalar("SELECT count(*) FROM note").AsInteger);
            },
            CancellationToken.None);
        Assert.Equal((1, 1), counts);
        Assert.Equal(2, await Count(pool));
    }

    [Fact]
    [Trait("req", "STO-08")]
    public async Task Reads_wait_neither_for_an_open_write_nor_for_each_other()
    {
        await using var pool = Pool(connectionsMax: 2);
        using var writer = _file.Connect();
        writer.Run("BEGIN IMMEDIATE; INSERT INTO note(id) VALUES(1)");
        using var both = new Barrier(2);
        var counts = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => pool.ReadAsync(
            connection =>
            {
                var count = connection.Scalar("SELECT count(*) FROM note").AsInteger;
                Assert.True(both.SignalAndWait(TimeSpan.FromSeconds(30)), "The other read was expected to run at the same time.");
                return count;
            },
            CancellationToken.None)));
        Assert.Equal([0, 0], counts);
        writer.Run("COMMIT");
        Assert.Equal(1, await Count(pool));
    }

    [Fact]
    [Trait("req", "STO-08")]
    public async Task Reads_beyond_the_bound_wait_and_the_connections_are_used_again()
    {
        var opened = 0;
        var scheduler = new ManualScheduler();
        var pool = new ReadPool(
            _file.Path,
            () =>
            {
                opened++;
                return _file.Connect();
            },
            connectionsMax: 2,
            scheduler);
        using var cancelled = new CancellationTokenSource();
        var reads = Enumerable.Range(0, 10).Select(_ => Count(pool)).ToArray();
        var given = pool.ReadAsync(_ => 0, cancelled.Token);
        await cancelled.CancelAsync();
        Assert.Equal(2, scheduler.Waiting);
        var closed = pool.DisposeAsync().AsTask();
        scheduler.RunAll();
        await Task.WhenAll(reads);
        await closed;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Count(pool));
        Assert.InRange(opened, 1, 2);
    }

    [Theory]
    [InlineData("INSERT INTO note(id) VALUES(1)")]
    [InlineData("ROLLBACK; INSERT INTO note(id) VALUES(1)")]
    [Trait("req", "STO-08")]
    public async Task A_read_cannot_write(string sql)
    {
        await using var pool = Pool(connectionsMax: 1);
        await Assert.ThrowsAsync<StoreException>(() => Do(pool, sql));
        Assert.Equal(0, await Count(pool));
    }

    [Fact]
    [Trait("req", "STO-08")]
    public async Task A_read_that_takes_the_bar_away_takes_it_away_for_itself_alone()
    {
        await using var pool = Pool(connectionsMax: 1);
        await Do(pool, "PRAGMA query_only=0");
        await Assert.ThrowsAsync<StoreException>(() => Do(pool, "INSERT INTO note(id) VALUES(1)"));
    }

    [Fact]
    [Trait("req", "STO-08")]
    public async Task A_statement_left_open_does_not_hold_the_next_read_in_the_past()
    {
        await using var pool = Pool(connectionsMax: 1);
        using var writer = _file.Connect();
        writer.Run("INSERT INTO note(id) VALUES(1), (2)");
        var left = await pool.ReadAsync(
            connection =>
            {
                var statement = new RawStatement(connection, "SELECT id FROM note");
                Assert.True(statement.Step());
                return statement;
            },
            CancellationToken.None);
        writer.Run("INSERT INTO note(id) VALUES(3)");
        Assert.Equal(3, await Count(pool));
        left.Dispose();
    }

    private static Task<long> Count(ReadPool pool) =>
        pool.ReadAsync(connection => connection.Scalar("SELECT count(*) FROM note").AsInteger, CancellationToken.None);

    private static Task<int> Do(ReadPool pool, string sql) => pool.ReadAsync(
        connection =>
        {
            connection.Run(sql);
            return 0;
        },
        CancellationToken.None);

    private ReadPool Pool(int connectionsMax = 4) => new(_file.Path, () => _file.Connect(), connectionsMax);
}
