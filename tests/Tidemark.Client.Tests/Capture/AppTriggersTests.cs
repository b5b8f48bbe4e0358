using Tidemark.Client.Capture;
using Tidemark.Sqlite;
using Tidemark.Testing;
using Xunit;

namespace Tidemark.Client.Tests.Capture;

public sealed class AppTriggersTests
{
    private const string Ddl = """
        CREATE TABLE note(id INTEGER PRIMARY KEY, body TEXT, "when" TEXT, begin INTEGER);
        CREATE TABLE tag(id INTEGER PRIMARY KEY, note INTEGER);
        CREATE TABLE log(what TEXT);
        CREATE VIEW both AS SELECT * FROM note;
        CREATE TRIGGER writes_log AFTER UPDATE ON note BEGIN INSERT INTO log VALUES('update note ' || NEW.id); END;
        CREATE TRIGGER "writes synced" AFTER INSERT ON note WHEN NEW.begin > 1 OR CASE WHEN NEW.body = 'BEGIN' THEN 1 ELSE 0 END BEGIN /* UPDATE log; */ INSERT OR IGNORE INTO "tag"(note) VALUES(NEW.id); END;
        CREATE TRIGGER checks BEFORE INSERT ON note WHEN NEW.body IS NULL BEGIN SELECT RAISE(ABORT, 'UPDATE tag SET x; body'); END;
        CREATE TRIGGER by_log AFTER INSERT ON log BEGIN DELETE FROM tag WHERE id = 99; END;
        CREATE TRIGGER by_view INSTEAD OF INSERT ON both BEGIN REPLACE INTO note(id, body) VALUES(NEW.id, NEW.body); END;
        CREATE TRIGGER lost AFTER DELETE ON tag BEGIN DELETE FROM nowhere; END;
        """;

    [Fact]
    [Trait("req", "STO-01")]
    public void Each_trigger_is_classified_by_what_it_writes()
    {
        using var folder = new TempFolder();
        using var db = SqliteFile.Open(folder.File("a.db"), new OpenOptions { CreateIfMissing = true });
        db.Run(Ddl);
        var kinds = AppTriggers.Classify(db, ["note", "tag"]).ToDictionary(d => d.Name, d => d.Kind);
        Assert.Equal(AppTriggerKind.KeepAsIs, kinds["writes_log"]);
        Assert.Equal(AppTriggerKind.Guard, kinds["writes synced"]);
        Assert.Equal(AppTriggerKind.KeepAsIs, kinds["checks"]);
        Assert.Equal(AppTriggerKind.Guard, kinds["by_log"]);
        Assert.Equal(AppTriggerKind.Guard, kinds["by_view"]);
        Assert.Equal(AppTriggerKind.Refuse, kinds["lost"]);
        Assert.Equal(AppTriggerKind.KeepAsIs, AppTriggers.Classify(db, ["note"]).Single(d => d.Name == "lost").Kind);
    }

    [Fact]
    [Trait("req", "STO-01")]
    public void A_guarded_trigger_works_for_the_app_rests_for_apply_and_is_restored_letter_by_letter()
    {
        using var folder = new TempFolder();
        using var db = SqliteFile.Open(folder.File("a.db"), new OpenOptions { CreateIfMissing = true });
        db.Run(Ddl + "CREATE TABLE _tm_guard(held INTEGER); CREATE TABLE nowhere(x)");
        var before = Sql(db);
        AppTriggers.Guard(db, AppTriggers.Classify(db, ["note", "tag"]));
        Assert.DoesNotContain(AppTriggers.Classify(db, ["note", "tag"]), d => d.Kind == AppTriggerKind.Guard);

        db.Run("INSERT INTO note VALUES(1, 'BEGIN', '', 0), (2, 'x', '', 2), (3, 'x', '', 0); INSERT INTO both(id, body) VALUES(4, 'BEGIN')");
        Assert.Equal(3, db.Scalar("SELECT count(*) FROM tag").AsInteger);
        db.Run("INSERT INTO _tm_guard VALUES(1); INSERT INTO note VALUES(5, 'BEGIN', '', 5); UPDATE note SET body = 'y' WHERE id = 5; DELETE FROM _tm_guard");
        Assert.Equal(3, db.Scalar("SELECT count(*) FROM tag").AsInteger);
        Assert.Equal(1, db.Scalar("SELECT count(*) FROM log").AsInteger);

        AppTriggers.Restore(db);
        Assert.Equal(before, Sql(db));
    }

    [Fact]
    [Trait("req", "STO-16")]
    public void A_trigger_that_is_lost_or_changed_is_found_and_brought_back()
    {
        using var file = new CapturedFile("CREATE TABLE a(id INTEGER PRIMARY KEY, v); CREATE TABLE b(id TEXT PRIMARY KEY, v)");
        Assert.Empty(CaptureInstaller.Missing(file.Db, file.Model, file.Numbers));
        file.Db.Run("DROP TRIGGER _tm_cap_1_bd");
        Assert.Equal(["a"], CaptureInstaller.Missing(file.Db, file.Model, file.Numbers));
        file.Db.Run("DROP TABLE b; CREATE TABLE b(id TEXT PRIMARY KEY, v)");
        Assert.Equal(["a", "b"], CaptureInstaller.Missing(file.Db, file.Model, file.Numbers));
        CaptureInstaller.Install(file.Db, file.Model, file.Numbers);
        Assert.Empty(CaptureInstaller.Missing(file.Db, file.Model, file.Numbers));
        file.Db.Run("CREATE UNIQUE INDEX a_v ON a(v)");
        Assert.Equal(["a"], CaptureInstaller.Missing(file.Db, file.Model, file.Numbers));
        file.Db.Run("CREATE TRIGGER _tm_cap_2_zz AFTER INSERT ON b BEGIN SELECT 1; END");
        Assert.Equal(["a", "b"], CaptureInstaller.Missing(file.Db, file.Model, file.Numbers));
    }

    [Fact]
    [Trait("req", "STO-15")]
    public void A_schema_that_names_a_trigger_without_its_text_is_a_damaged_file()
    {
        using var file = new CapturedFile("CREATE TABLE a(id TEXT PRIMARY KEY, v)");
        file.Db.Run("PRAGMA writable_schema = ON; UPDATE sqlite_master SET type = 'trigger' WHERE name LIKE 'sqlite_autoindex_%' AND tbl_name = 'a'");
        Assert.Equal(StoreTrouble.Damaged, Assert.Throws<StoreException>(() => AppTriggers.Classify(file.Db, ["a"])).Trouble);
    }

    private static List<string> Sql(Microsoft.Data.Sqlite.SqliteConnection db) =>
        [.. db.Query("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name").Select(r => r[1].AsText)];
}
