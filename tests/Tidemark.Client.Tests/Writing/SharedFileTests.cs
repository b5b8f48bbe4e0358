using System.Diagnostics;
using Tidemark.Client.Storage.Writing;
using Tidemark.Model.Values;
using Tidemark.Sqlite;

namespace Tidemark.Client.Tests.Writing;

public sealed class SharedFileTests : IDisposable
{
    private readonly NotesFile _file = new();

    public void Dispose() => _file.Dispose();

    [Fact]
    [Trait("req", "STO-08")]
    public async Task Every_spelling_of_a_path_shares_one_queue()
    {
        var link = Path.Combine(_file.Folder, "link.db");
        var folderLink = Path.Combine(_file.Folder, "folder");
        File.CreateSymbolicLink(link, _file.Path);
        Directory.CreateSymbolicLink(folderLink, _file.Folder);
        string[] spellings =
        [
            _file.Path,
            link,
            Path.Combine(folderLink, "notes.db"),
            Path.GetRelativePath(Directory.GetCurrentDirectory(), _file.Path),
            Path.Combine(_file.Folder, "folder", "..", "notes.db").Replace("folder/..", ".", StringComparison.Ordinal),
        ];
        var scheduler = new ManualScheduler();
        var opened = 0;
        var queues = spellings.Select(path => WriteQueue.Open(
            path,
            () =>
            {
                opened++;
                return _file.Connect();
            },
            scheduler)).ToArray();
        var tasks = queues.Select((queue, i) => queue.Insert(i + 1)).ToArray();
        scheduler.RunAll();
        await Task.WhenAll(tasks);
        Assert.Equal(1, opened);
        Assert.All(queues, queue => Assert.Equal(1, queue.Commits));
        var ends = queues.Select(queue => queue.DisposeAsync().AsTask()).ToArray();
        scheduler.RunAll();
        await Task.WhenAll(ends);
    }

    [Fact]
    [Trait("req", "STO-08")]
    [Trait("req", "STO-11")]
    public async Task Sixteen_writers_lose_nothing_and_each_sees_its_row_durable_when_its_call_returns()
    {
        await using var queue = _file.Queue();
        await using var other = _file.Queue();
        await Task.WhenAll(Enumerable.Range(0, 16).Select(async writer =>
        {
            using var reader = _file.Connect();
            for (var i = 0; i < 25; i++)
            {
                var id = (writer * 1000) + i;
                await (writer % 2 == 0 ? queue : other).Insert(id).ConfigureAwait(false);
                Assert.Equal(1, reader.Scalar("SELECT count(*) FROM note WHERE id=?", Value.Integer(id)).AsInteger);
            }
        }));
        Assert.Equal(400, _file.Ids().Length);
        Assert.InRange(queue.Commits, 1, 400);
    }

    [Fact]
    [Trait("req", "STO-09")]
    public async Task Another_process_that_holds_the_lock_for_less_than_the_busy_time_is_waited_for()
    {
        using var shell = new LockingShell(_file.Path);
        await using var queue = _file.Queue(busyTimeout: TimeSpan.FromSeconds(30));
        shell.Hold();
        var write = queue.Insert(1);
        shell.LetGo();
        await write;
        Assert.Equal([1, 1000], _file.Ids());
    }

    [Fact]
    [Trait("req", "STO-09")]
    public async Task Past_the_busy_time_the_trouble_is_typed_and_the_same_call_may_succeed_later()
    {
        using var shell = new LockingShell(_file.Path);
        await using var queue = _file.Queue(busyTimeout: TimeSpan.FromMilliseconds(50));
        shell.Hold();
        var trouble = await Assert.ThrowsAsync<StoreException>(() => queue.Insert(1));
        Assert.Equal(StoreTrouble.Busy, trouble.Trouble);
        Assert.True(trouble.Retryable);
        shell.LetGo();
        await queue.Insert(1);
        Assert.Equal([1, 1000], _file.Ids());
    }

    [Fact]
    [Trait("req", "STO-09")]
    public async Task A_statement_left_open_does_not_lock_the_queue_out_after_a_foreign_write()
    {
        await using var queue = _file.Queue();
        await queue.RunSql("INSERT INTO note(id) VALUES(1), (2)");
        var left = await queue.RunAsync(
            connection =>
            {
                var statement = new RawStatement(connection, "SELECT id FROM note");
                Assert.True(statement.Step());
                return statement;
            },
            CancellationToken.None);
        using (var foreign = _file.Connect())
        {
            foreign.Run("INSERT INTO note(id) VALUES(3)");
        }

        await queue.Insert(4);
        Assert.Equal([1, 2, 3, 4], _file.Ids());
        left.Dispose();
    }

    /// <summary>The sqlite3 shell as another process that takes the write lock and gives it back on command.</summary>
    private sealed class LockingShell : IDisposable
    {
        private readonly Process _process;

        public LockingShell(string path)
        {
            try
            {
                _process = Process.Start(new ProcessStartInfo("sqlite3", [path]) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false })!;
            }
            catch (System.ComponentModel.Win32Exception) when (System.Environment.GetEnvironmentVariable("CI") is null)
            {
                Assert.Skip("The sqlite3 shell is not installed.");
                throw;
            }
        }

        public void Hold() => Say("PRAGMA busy_timeout=10000; BEGIN IMMEDIATE; INSERT INTO note(id) VALUES(1000); SELECT 'held';", "held");

        public void LetGo() => Say("COMMIT; SELECT 'free';", "free");

        public void Dispose()
        {
            _process.StandardInput.Close();
            _process.WaitForExit();
            _process.Dispose();
        }

        private void Say(string sql, string answer)
        {
            _process.StandardInput.WriteLine(sql);
            _process.StandardInput.Flush();
            string? line;
            do
            {
                line = _process.StandardOutput.ReadLine();
            }
            while (line is not null && !string.Equals(line, answer, StringComparison.Ordinal));
            Assert.Equal(answer, line);
        }
    }
}
