using Tidemark.Sqlite;
using Xunit;

namespace Tidemark.Client.Tests.Capture;

public sealed class CaptureTests
{
    private const string Notes = "CREATE TABLE note(id TEXT PRIMARY KEY, slug TEXT UNIQUE, body TEXT, n REAL); INSERT INTO note VALUES('a', 'sa', 'one', 1.5), ('b', 'sb', 'two', NULL), ('c', 'sc', 'three', 3);";

    [Fact]
    [Trait("req", "STO-01")]
    [Trait("req", "STO-18")]
    public void An_insert_is_one_touch_with_time_user_and_space()
    {
        using var file = new CapturedFile(Notes);
        file.Db.Run("INSERT INTO note VALUES('d', 'sd', 'four', 4)");
        Assert.Equal(["I note d"], file.Touches());
        Assert.Equal(0, file.Bases("note"));
        var row = Assert.Single(file.Db.Query("SELECT seq, at, ctx FROM _tm_touch ORDER BY seq DESC LIMIT 1"));
        Assert.InRange(row[1].AsInteger, 1_600_000_000_000, 4_000_000_000_000);
        Assert.Equal(7, row[2].AsInteger);
        file.AssertNothingMissed();
    }

    [Fact]
    [Trait("req", "STO-01")]
    public void An_update_keeps_the_first_base_and_a_delete_keeps_it_too()
    {
        using var file = new CapturedFile(Notes);
        file.Db.Run("UPDATE note SET body = 'x' WHERE id = 'a'; UPDATE note SET body = 'y' WHERE id = 'a'; DELETE FROM note WHERE id = 'a'");
        Assert.Equal(["U note a", "U note a", "D note a"], file.Touches());
        Assert.Equal("one", file.Db.Scalar("SELECT c2 FROM _tm_base_1").AsText);
        file.AssertNothingMissed();
    }

    [Theory]
    [Trait("req", "STO-01")]
    [InlineData(false)]
    [InlineData(true)]
    public void Or_replace_over_a_unique_index_notes_the_row_it_throws_out(bool recursiveTriggers)
    {
        using var file = new CapturedFile(Notes, recursiveTriggers);
        file.Db.Run("INSERT OR REPLACE INTO note VALUES('d', 'sa', 'four', 4)");
        Assert.Contains("R note a", file.Touches());
        file.AssertNothingMissed();
        file.Db.Run("UPDATE OR REPLACE note SET slug = 'sb' WHERE id = 'c'");
        Assert.Contains("R note b", file.Touches());
        file.AssertNothingMissed();
        file.Db.Run("UPDATE OR REPLACE note SET id = 'c' WHERE id = 'd'");
        file.AssertNothingMissed();
    }

    [Theory]
    [Trait("req", "STO-01")]
    [InlineData(false)]
    [InlineData(true)]
    public void Or_replace_never_overwrites_a_base(bool recursiveTriggers)
    {
        using var file = new CapturedFile(Notes, recursiveTriggers);
        file.Db.Run("UPDATE note SET body = 'first edit' WHERE id = 'a'");
        file.Db.Run("INSERT OR REPLACE INTO note VALUES('a', 'sa', 'replaced', 4)");
        file.Db.Run("UPDATE OR REPLACE note SET body = 'again' WHERE id = 'a'");
        file.Db.Run("REPLACE INTO note VALUES('e', 'sa', 'out', 4)");
        Assert.Equal("one", file.Db.Scalar("SELECT c2 FROM _tm_base_1 WHERE k0 = 'a'").AsText);
        file.AssertNothingMissed();
    }

    [Fact]
    [Trait("req", "STO-01")]
    public void Upsert_and_insert_or_ignore_are_captured()
    {
        using var file = new CapturedFile(Notes);
        file.Db.Run("INSERT INTO note VALUES('a', 'zz', 'up', 1) ON CONFLICT(id) DO UPDATE SET body = excluded.body");
        file.Db.Run("INSERT INTO note VALUES('q', 'sb', 'up', 1) ON CONFLICT(slug) DO UPDATE SET body = 'by slug'");
        file.Db.Run("INSERT INTO note VALUES('c', 'sc', 'up', 1) ON CONFLICT DO NOTHING; INSERT OR IGNORE INTO note VALUES('c', 'sc', 'up', 1)");
        Assert.Contains("U note b", file.Touches());
        file.AssertNothingMissed();
    }

    [Fact]
    [Trait("req", "STO-01")]
    public void A_changed_key_is_two_touches_in_a_row()
    {
        using var file = new CapturedFile("CREATE TABLE item(id INTEGER PRIMARY KEY, v); INSERT INTO item VALUES(1, 'a'), (2, 'b');");
        file.Db.Run("UPDATE item SET id = 10 WHERE id = 1");
        file.Db.Run("UPDATE item SET rowid = 20 WHERE id = 2");
        Assert.Equal(["U item 1", "K item 1", "N item 10", "U item 2", "K item 2", "N item 20"], file.Touches());
        file.AssertNothingMissed();
        file.Db.Run("INSERT INTO item VALUES(30, 'x'); UPDATE OR REPLACE item SET oid = 30 WHERE id = 10");
        file.AssertNothingMissed();
    }

    [Fact]
    [Trait("req", "STO-01")]
    public void Delete_without_where_and_cascades_are_captured()
    {
        using var file = new CapturedFile("""
            CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT);
            CREATE TABLE child(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent(id) ON DELETE CASCADE ON UPDATE CASCADE);
            CREATE TABLE guest(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent(id) ON DELETE SET NULL ON UPDATE CASCADE);
            CREATE TABLE part(parent INTEGER REFERENCES parent(id) ON UPDATE CASCADE ON DELETE CASCADE, n INTEGER, PRIMARY KEY(parent, n)) WITHOUT ROWID;
            INSERT INTO parent VALUES(1, 'a'), (2, 'b'); INSERT INTO child VALUES(1, 1), (2, 1), (3, 2); INSERT INTO guest VALUES(1, 1), (2, 2); INSERT INTO part VALUES(1, 1), (2, 1);
            """);
        file.Db.Run("UPDATE parent SET id = 5 WHERE id = 2");
        Assert.Contains("U child 3", file.Touches());
        Assert.Contains("K part 2,1", file.Touches());
        Assert.Contains("N part 5,1", file.Touches());
        file.Db.Run("DELETE FROM parent WHERE id = 1");
        Assert.Contains("D child 1", file.Touches());
        Assert.Contains("U guest 1", file.Touches());
        Assert.Contains("D part 1,1", file.Touches());
        file.Db.Run("DELETE FROM child; DELETE FROM parent");
        file.AssertNothingMissed();
    }

    [Fact]
    [Trait("req", "STO-01")]
    public void Quoted_names_blobs_generated_columns_and_tables_without_rowid_are_captured()
    {
        using var file = new CapturedFile("""
            CREATE TABLE "my ""odd"" table"("the key" TEXT, [b]]x] BLOB, "größe" INTEGER, twice INTEGER GENERATED ALWAYS AS ("größe" * 2) STORED UNIQUE, PRIMARY KEY("the key", "größe")) WITHOUT ROWID;
            """.Replace("[b]]x]", "[b x]", StringComparison.Ordinal) + """
            INSERT INTO "my ""odd"" table" VALUES('k', x'00FF', 1), ('l', x'', 2);
            """);
        file.Db.Run("UPDATE \"my \"\"odd\"\" table\" SET [b x] = x'0102' WHERE \"the key\" = 'k'");
        file.AssertNothingMissed();
        file.Db.Run("UPDATE OR REPLACE \"my \"\"odd\"\" table\" SET \"größe\" = 1 WHERE \"the key\" = 'l'");
        file.AssertNothingMissed();
        file.Db.Run("INSERT OR REPLACE INTO \"my \"\"odd\"\" table\" VALUES('m', NULL, 1)");
        file.AssertNothingMissed();
    }

    [Fact]
    [Trait("req", "STO-01")]
    public void A_row_thrown_out_through_its_rowid_is_noted()
    {
        using var file = new CapturedFile(Notes);
        var rowId = file.Db.Scalar("SELECT rowid FROM note WHERE id = 'a'").AsInteger;
        file.Db.Run($"INSERT OR REPLACE INTO note(rowid, id, slug) VALUES({rowId}, 'z', 'sz')");
        Assert.Contains("R note a", file.Touches());
        file.AssertNothingMissed();
    }

    [Fact]
    [Trait("req", "STO-01")]
    public void What_is_rolled_back_leaves_no_note()
    {
        using var file = new CapturedFile(Notes);
        file.Db.Run("BEGIN; UPDATE note SET body = 'x'; DELETE FROM note WHERE id = 'b'; ROLLBACK");
        Assert.Empty(file.Touches());
        file.Db.Run("BEGIN; UPDATE note SET body = 'x' WHERE id = 'a'; SAVEPOINT s; DELETE FROM note; ROLLBACK TO s; RELEASE s; COMMIT");
        Assert.Equal(["U note a"], file.Touches());
        Assert.Equal(1, file.Bases("note"));
        Assert.False(file.Try("INSERT INTO note VALUES('x', 'sa', '', 0)"));
        Assert.Equal(["U note a"], file.Touches());
        file.AssertNothingMissed();
    }

    [Fact]
    [Trait("req", "STO-01")]
    public void The_guard_switches_capture_off()
    {
        using var file = new CapturedFile(Notes);
        file.Db.Run("BEGIN; INSERT INTO _tm_guard VALUES(1); UPDATE note SET id = id || 'x', body = 'pulled'; DELETE FROM note WHERE id = 'bx'; REPLACE INTO note VALUES('n', 'sa', '', 0); DELETE FROM _tm_guard; COMMIT");
        Assert.Empty(file.Touches());
        Assert.Equal(0, file.Bases("note"));
    }

    [Fact]
    [Trait("req", "STO-01")]
    public void The_sequence_goes_on_after_the_touches_were_consumed()
    {
        using var file = new CapturedFile(Notes);
        file.Db.Run("UPDATE note SET body = 'x'");
        file.Shown();
        var last = file.Mark;
        file.Db.Run("UPDATE note SET body = 'y' WHERE id = 'a'");
        Assert.Equal(last + 1, file.Db.Scalar("SELECT max(seq) FROM _tm_touch").AsInteger);
    }
}
