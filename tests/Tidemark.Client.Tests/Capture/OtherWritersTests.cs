using System.Diagnostics;
using Microsoft.Data.Sqlite;
using SQLitePCL;
using Tidemark.Sqlite;
using Xunit;

namespace Tidemark.Client.Tests.Capture;

public sealed class OtherWritersTests
{
    private const string Ddl = "CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT); INSERT INTO note VALUES(1, 'a'), (2, 'b'), (3, 'c')";

    [Fact]
    [Trait("req", "STO-01")]
    public void Another_connection_is_captured()
    {
        using var file = new CapturedFile(Ddl);
        using (var other = new SqliteConnection($"Data Source={file.Path};Pooling=False"))
        {
            other.Open();
            using var command = other.CreateCommand();
            command.CommandText = "UPDATE note SET body = 'x' WHERE id = 1; INSERT INTO note(body) VALUES('new'); DELETE FROM note WHERE id = 2";
            command.ExecuteNonQuery();
        }

        Assert.Equal(["U note 1", "I note 4", "D note 2"], file.Touches());
        file.AssertNothingMissed();
    }

    [Fact]
    [Trait("req", "STO-01")]
    public async Task The_sqlite3_shell_is_captured()
    {
        using var file = new CapturedFile(Ddl);
        var start = new ProcessStartInfo("sqlite3", [file.Path, "UPDATE note SET body = 'shell'; INSERT OR REPLACE INTO note VALUES(3, 'r'); DELETE FROM note"]) { UseShellExecute = false, RedirectStandardError = true };
        using var shell = Start(start);
        await shell.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, shell.ExitCode);
        Assert.Equal(3, file.Touches().Count(t => t.StartsWith('D')));
        file.AssertNothingMissed();
    }

    [Fact]
    [Trait("req", "STO-01")]
    public void Capture_finds_rows_by_index_whatever_the_key()
    {
        foreach (var ddl in new[]
        {
            "CREATE TABLE t(k INTEGER PRIMARY KEY, u TEXT UNIQUE)",
            "CREATE TABLE t(k TEXT PRIMARY KEY, u TEXT COLLATE NOCASE UNIQUE)",
            "CREATE TABLE t(k INTEGER, l TEXT, u REAL UNIQUE, PRIMARY KEY(k, l)) WITHOUT ROWID",
            "CREATE TABLE t(k TEXT PRIMARY KEY, u TEXT); CREATE UNIQUE INDEX t_u ON t(lower(u)) WHERE u IS NOT NULL",
        })
        {
            using var file = new CapturedFile(ddl);
            file.Db.Run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO t SELECT i, " + (ddl.Contains(" l ", StringComparison.Ordinal) ? "i, i" : "i") + " FROM n");
            file.Shown();
            foreach (var sql in new[] { "INSERT OR REPLACE INTO t(k, u) VALUES(50, 60)", "UPDATE t SET u = 'y' WHERE k = 70", "UPDATE t SET k = 1000 WHERE k = 80", "DELETE FROM t WHERE k = 90" })
            {
                Assert.Equal(0, FullScanSteps(file.Db, ddl.Contains(" l ", StringComparison.Ordinal) ? sql.Replace("t(k, u) VALUES(50", "t(k, l, u) VALUES(50, 50", StringComparison.Ordinal) : sql));
            }

            file.AssertNothingMissed();
        }
    }

    // Steps to a next row in a scan without an index, those of triggers included.
    private static int FullScanSteps(SqliteConnection db, string sql)
    {
        Assert.Equal(raw.SQLITE_OK, raw.sqlite3_prepare_v2(db.Handle, sql, out var statement));
        using (statement)
        {
            Assert.Equal(raw.SQLITE_DONE, raw.sqlite3_step(statement));
            return raw.sqlite3_stmt_status(statement, raw.SQLITE_STMTSTATUS_FULLSCAN_STEP, 0);
        }
    }

    private static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception) when (System.Environment.GetEnvironmentVariable("CI") != "true")
        {
            Assert.Skip("The sqlite3 shell is not installed: apt-get install sqlite3.");
            throw;
        }
    }
}
