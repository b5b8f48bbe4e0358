using Microsoft.Data.Sqlite;
using Tidemark.Model.Values;
using Tidemark.Testing;
using Xunit;

namespace Tidemark.Sqlite.Tests.Opening;

public sealed class SqliteFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    [Trait("req", "STO-15")]
    public void A_file_that_is_no_database_is_named_with_the_cure()
    {
        var path = _folder.File("letter.db");
        File.WriteAllText(path, "Dear reader, this is a letter and not a database. " + new string('.', 200));
        var trouble = Assert.Throws<StoreException>(() => SqliteFile.Open(path, new OpenOptions()));
        Assert.Equal(StoreTrouble.NotADatabase, trouble.Trouble);
        Assert.Contains("letter.db", trouble.Message, StringComparison.Ordinal);
        Assert.Contains("tidemark clone", trouble.Message, StringComparison.Ordinal);
        Assert.StartsWith("Dear reader", File.ReadAllText(path), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "STO-15")]
    public void A_missing_file_is_not_made_by_accident()
    {
        var path = _folder.File("mispelt.db");
        Assert.Equal(StoreTrouble.CannotOpen, Assert.Throws<StoreException>(() => SqliteFile.Open(path, new OpenOptions())).Trouble);
        Assert.False(File.Exists(path));
        Assert.Equal(StoreTrouble.CannotOpen, Assert.Throws<StoreException>(() => SqliteFile.Open(_folder.File("no/such/folder.db"), new OpenOptions { CreateIfMissing = true })).Trouble);
    }

    [Fact]
    [Trait("req", "STO-15")]
    public void A_damaged_page_is_told_as_damage_and_other_tables_stay_readable()
    {
        var path = _folder.File("damaged.db");
        long page;
        using (var db = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, WriteAheadLog = false }))
        {
            db.Run("CREATE TABLE good(v); INSERT INTO good VALUES(1); CREATE TABLE bad(v)");
            db.Run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO bad SELECT 'some text ' || i FROM n");
            page = db.Scalar("SELECT rootpage FROM sqlite_master WHERE name = 'bad'").AsInteger;
        }

        using (var stream = new FileStream(path, FileMode.Open))
        {
            stream.Seek((page - 1) * 4096, SeekOrigin.Begin);
            stream.Write(Enumerable.Repeat((byte)0xAB, 4096).ToArray());
        }

        using var damaged = SqliteFile.Open(path, new OpenOptions());
        var trouble = Assert.Throws<StoreException>(() => damaged.Query("SELECT * FROM bad"));
        Assert.Equal(StoreTrouble.Damaged, trouble.Trouble);
        Assert.Contains("tidemark doctor", trouble.Message, StringComparison.Ordinal);
        Assert.Equal(1, damaged.Scalar("SELECT v FROM good").AsInteger);
    }

    [Fact]
    [Trait("req", "STO-15")]
    public void A_full_database_rolls_back_and_can_go_on()
    {
        using var db = SqliteFile.Open(_folder.File("full.db"), new OpenOptions { CreateIfMissing = true });
        db.Run("CREATE TABLE t(v); INSERT INTO t VALUES('before')");
        db.Run("PRAGMA max_page_count=20");
        var trouble = Assert.Throws<StoreException>(() => db.Run("INSERT INTO t VALUES(zeroblob(1000000))", []));
        Assert.Equal(StoreTrouble.Full, trouble.Trouble);
        Assert.True(trouble.Retryable);
        db.Run("PRAGMA max_page_count=100000");
        db.Run("INSERT INTO t VALUES('after')");
        Assert.Equal(2, db.Scalar("SELECT count(*) FROM t").AsInteger);
    }

    [Fact]
    [Trait("req", "STO-15")]
    public void Writing_what_is_opened_to_read_is_a_read_only_trouble()
    {
        var path = _folder.File("r.db");
        SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true }).Dispose();
        using var reader = SqliteFile.Open(path, new OpenOptions { ReadOnly = true });
        Assert.Equal(StoreTrouble.ReadOnly, Assert.Throws<StoreException>(() => reader.Run("CREATE TABLE t(v)")).Trouble);
        using var queryOnly = SqliteFile.Open(path, new OpenOptions { QueryOnly = true });
        Assert.Equal(StoreTrouble.ReadOnly, Assert.Throws<StoreException>(() => queryOnly.Run("CREATE TABLE t(v)")).Trouble);
    }

    [Theory]
    [Trait("req", "STO-15")]
    [InlineData(true)]
    [InlineData(false)]
    public void A_file_or_folder_without_write_permission_is_named(bool fileToo)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || string.Equals(Environment.UserName, "root", StringComparison.Ordinal), "Permissions do not hold for this user.");
        var path = _folder.File("locked.db");
        using (var db = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, WriteAheadLog = false }))
        {
            db.Run("CREATE TABLE t(v)");
        }

        if (!OperatingSystem.IsWindows())
        {
            var mode = File.GetUnixFileMode(_folder.Path);
            try
            {
                File.SetUnixFileMode(path, fileToo ? UnixFileMode.UserRead : UnixFileMode.UserRead | UnixFileMode.UserWrite);
                File.SetUnixFileMode(_folder.Path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
                var trouble = Assert.Throws<StoreException>(() => SqliteFile.Open(path, new OpenOptions()));
                Assert.Contains(trouble.Trouble, new[] { StoreTrouble.ReadOnly, StoreTrouble.CannotOpen });
                Assert.Contains("permission", trouble.Message, StringComparison.OrdinalIgnoreCase);
            }
            finally
            {
                File.SetUnixFileMode(_folder.Path, mode);
            }
        }
    }

    [Fact]
    [Trait("req", "STO-09")]
    public async Task A_lock_held_too_long_is_a_retryable_busy_and_a_short_one_is_waited_for()
    {
        var path = _folder.File("busy.db");
        using var holder = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true });
        holder.Run("CREATE TABLE t(v); BEGIN IMMEDIATE; INSERT INTO t VALUES(1)");
        using var waiter = SqliteFile.Open(path, new OpenOptions { BusyTimeout = TimeSpan.FromMilliseconds(50) });
        var trouble = Assert.Throws<StoreException>(() => waiter.Run("BEGIN IMMEDIATE"));
        Assert.Equal(StoreTrouble.Busy, trouble.Trouble);
        Assert.True(trouble.Retryable);

        using var patient = SqliteFile.Open(path, new OpenOptions { BusyTimeout = TimeSpan.FromSeconds(30) });
        var written = Task.Factory.StartNew(() => patient.Run("INSERT INTO t VALUES(?1)", Value.Integer(2)), TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        holder.Run("COMMIT");
        Assert.Equal(1, await written);
    }

    [Fact]
    [Trait("req", "STO-08")]
    public void One_file_has_one_name_however_it_is_spelt()
    {
        var folder = Directory.CreateDirectory(_folder.File("real")).FullName;
        var file = Path.Combine(folder, "a.db");
        SqliteFile.Open(file, new OpenOptions { CreateIfMissing = true }).Dispose();
        var canonical = SqliteFile.CanonicalPath(file);
        Directory.CreateSymbolicLink(_folder.File("link"), folder);
        File.CreateSymbolicLink(_folder.File("file.db"), Path.Combine("link", "a.db"));
        Assert.Equal(canonical, SqliteFile.CanonicalPath(Path.Combine(folder, "..", "real", ".", "a.db")));
        Assert.Equal(canonical, SqliteFile.CanonicalPath(Path.Combine(_folder.File("link"), "a.db")));
        Assert.Equal(canonical, SqliteFile.CanonicalPath(_folder.File("file.db")));
        Assert.Equal(canonical, SqliteFile.CanonicalPath(Path.GetRelativePath(Directory.GetCurrentDirectory(), file)));
        File.CreateSymbolicLink(_folder.File("x"), "y");
        File.CreateSymbolicLink(_folder.File("y"), "x");
        Assert.Throws<StoreException>(() => SqliteFile.CanonicalPath(_folder.File("x")));
    }

    [Fact]
    [Trait("req", "STO-01")]
    public void A_connection_is_set_up_as_its_options_say()
    {
        using var plain = SqliteFile.Open(_folder.File("o.db"), new OpenOptions { CreateIfMissing = true });
        Assert.Equal(["wal", "2", "1", "0", "10000"], Pragmas(plain));
        using var writer = SqliteFile.Open(_folder.File("o.db"), new OpenOptions { Checkpoints = true, Durability = Durability.Normal, ForeignKeys = false, BusyTimeout = TimeSpan.FromSeconds(1) });
        Assert.Equal(["wal", "1", "0", "4000", "1000"], Pragmas(writer));
    }

    [Fact]
    [Trait("req", "STO-01")]
    public async Task A_file_that_another_connection_writes_is_waited_for_when_it_is_to_get_its_log()
    {
        using var other = SqliteFile.Open(_folder.File("new.db"), new OpenOptions { CreateIfMissing = true, WriteAheadLog = false });
        other.Run("BEGIN IMMEDIATE; CREATE TABLE t(v)");
        var opening = Task.Run(() => SqliteFile.Open(_folder.File("new.db"), new OpenOptions()), TestContext.Current.CancellationToken);
        Assert.NotSame(opening, await Task.WhenAny(opening, Task.Delay(TimeSpan.FromMilliseconds(300), TestContext.Current.CancellationToken)));
        other.Run("COMMIT");
        using var opened = await opening;
        Assert.Equal(("wal", 0), (opened.Scalar("PRAGMA journal_mode").AsText, opened.Scalar("SELECT count(*) FROM t").AsInteger));
    }

    private static List<string> Pragmas(SqliteConnection db) =>
        [.. new[] { "journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint", "busy_timeout" }.Select(p => db.Scalar("PRAGMA " + p).ToString())];
}
