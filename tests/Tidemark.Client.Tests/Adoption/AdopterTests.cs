using Microsoft.Data.Sqlite;
using Tidemark.Client.Adoption;
using Tidemark.Client.Environment;
using Tidemark.Model.Entities;
using Tidemark.Model.Values;
using Tidemark.Sqlite;
using Tidemark.Testing;
using Xunit;

namespace Tidemark.Client.Tests.Adoption;

public sealed class AdopterTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    [Trait("req", "STO-14")]
    public void Chinook_is_adopted_whole_and_its_tables_stay_as_they_were()
    {
        var path = ChinookFile.CopyTo(_folder.File("chinook.db"));
        var before = AppSchema(path);
        var report = Adopter.Adopt(path, new AdoptionOptions(), SyncEnvironment.System);
        Assert.Equal(ChinookFile.Tables, report.Model.Entities.Count);
        Assert.Equal(ChinookFile.Rows, report.Rows.Sum(r => r.Rows));
        Assert.Empty(report.LeftOut);
        Assert.Equal(before, AppSchema(path));
        Assert.Equal(IdentityModel.ServerAssigned, report.Model.Get("Album").Identity);
        Assert.Equal(["PlaylistId", "TrackId"], report.Model.Get("PlaylistTrack").Key);
        var boss = Assert.Single(report.Model.Get("Employee").Relations);
        Assert.Equal(("Employee", false), (boss.Target, boss.Required));
        Assert.True(Assert.Single(report.Model.Get("Album").Relations).Required);

        using var db = SqliteFile.Open(path, new OpenOptions());
        Assert.Equal(ChinookFile.Rows, db.Scalar("SELECT count(*) FROM _tm_touch WHERE op = 'A'").AsInteger);
        db.Run("UPDATE Employee SET ReportsTo = NULL WHERE EmployeeId = 2");
        Assert.Equal("U", db.Scalar("SELECT op FROM _tm_touch ORDER BY seq DESC LIMIT 1").AsText);
    }

    [Fact]
    [Trait("req", "STO-14")]
    public void What_cannot_be_synced_is_reported_each_with_a_sentence()
    {
        var report = Adopt("""
            CREATE TABLE good(id INTEGER PRIMARY KEY, body TEXT, twice AS (id * 2));
            CREATE TABLE keyless(v);
            CREATE TABLE wide_key(a, b, c, d, e, f, g, h, i, PRIMARY KEY(a, b, c, d, e, f, g, h, i));
            CREATE TABLE __EFMigrationsHistory(MigrationId TEXT PRIMARY KEY, ProductVersion TEXT);
            CREATE VIEW seen AS SELECT * FROM good;
            CREATE VIRTUAL TABLE words USING fts5(body);
            CREATE TABLE odd(id TEXT PRIMARY KEY, bad REFERENCES good); INSERT INTO odd VALUES(NULL, NULL), ('1', NULL), (x'31', NULL);
            CREATE TABLE strange(id INTEGER PRIMARY KEY); CREATE TRIGGER lost AFTER INSERT ON strange BEGIN DELETE FROM nowhere; END;
            """);
        Assert.Equal(["good", "odd"], report.Model.Entities.Select(e => e.Name));
        var reasons = report.LeftOut.ToLookup(l => l.Name, l => l.Reason);
        foreach (var name in new[] { "keyless", "wide_key", "__EFMigrationsHistory", "seen", "words", "words_data", "strange" })
        {
            Assert.NotEmpty(reasons[name]);
        }

        Assert.Equal(["id", "body"], report.Model.Get("good").Fields.Select(f => f.Name));
        Assert.Contains(report.Warnings, w => w.StartsWith("odd.id: 1 rows have no key", StringComparison.Ordinal));
        Assert.Contains(report.Warnings, w => w.Contains("2 storage classes", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("req", "STO-14")]
    public void Keys_relations_rules_and_unique_values_become_the_model()
    {
        var report = Adopt("""
            CREATE TABLE "a parent"(id TEXT PRIMARY KEY COLLATE NOCASE, [own one] TEXT UNIQUE, up TEXT REFERENCES "a parent"(id) ON DELETE SET NULL, raw BLOB);
            CREATE TABLE child(id INTEGER PRIMARY KEY, p TEXT NOT NULL REFERENCES "a parent" ON DELETE CASCADE, loop INTEGER REFERENCES "größe"(k) ON DELETE RESTRICT);
            CREATE TABLE "größe"(k INTEGER PRIMARY KEY, child INTEGER REFERENCES child(id));
            CREATE TABLE pair(a TEXT, b INTEGER, n, PRIMARY KEY(b, a), FOREIGN KEY(a) REFERENCES "a parent") WITHOUT ROWID;
            CREATE INDEX i_child ON child(p); CREATE VIEW v AS SELECT * FROM child; CREATE TRIGGER t AFTER DELETE ON child BEGIN SELECT 1; END;
            """);
        var parent = report.Model.Get("a parent");
        Assert.Equal(IdentityModel.ClientAssigned, parent.Identity);
        Assert.Equal(Collation.NoCase, parent.Fields[0].Collation);
        Assert.Equal(["own one"], Assert.Single(parent.UniqueKeys).Fields);
        Assert.Equal(DeleteRule.SetNull, Assert.Single(parent.Relations).OnDelete);
        var child = report.Model.Get("child").Relations;
        Assert.Equal((true, DeleteRule.Cascade), (child.Single(r => r.Target == "a parent").Required, child.Single(r => r.Target == "a parent").OnDelete));
        Assert.Equal((false, DeleteRule.Restrict), (child.Single(r => r.Target == "größe").Required, child.Single(r => r.Target == "größe").OnDelete));
        Assert.Equal(["b", "a"], report.Model.Get("pair").Key);
        Assert.Equal(IdentityModel.ClientAssigned, report.Model.Get("pair").Identity);
        Assert.True(Assert.Single(report.Model.Get("pair").Relations).Required);
        Assert.Equal(["a parent", "child", "größe", "pair", "i_child", "v", "t"], report.Model.Schema.Select(o => o.Name));
        Assert.Equal(report.Model, SyncModelJson.Parse(SyncModelJson.ToUtf8(report.Model)));
    }

    [Fact]
    [Trait("req", "STO-14")]
    public void Tables_are_chosen_by_name_and_references_to_others_are_reported()
    {
        const string Ddl = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(id INTEGER PRIMARY KEY, p INTEGER REFERENCES p)";
        var report = Adopt(Ddl, new AdoptionOptions { Exclude = ["P"] });
        Assert.Equal("c", Assert.Single(report.Model.Entities).Name);
        Assert.Empty(report.Model.Entities[0].Relations);
        Assert.Contains(report.LeftOut, l => l.Name == "c(p)");
        var error = Assert.Throws<ArgumentException>(() => Adopt(Ddl, new AdoptionOptions { Include = ["p", "nothing"] }));
        Assert.Contains("nothing", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("req", "STO-14")]
    [Trait("req", "STO-01")]
    public void Triggers_that_write_synced_tables_are_named_and_guarded_and_the_model_keeps_the_originals()
    {
        const string Ddl = "CREATE TABLE n(id INTEGER PRIMARY KEY, at TEXT); CREATE TRIGGER stamp AFTER UPDATE ON n BEGIN UPDATE n SET at = 'now' WHERE id = NEW.id; END";
        var report = Adopt(Ddl);
        Assert.Contains("rests while Tidemark applies", Assert.Single(report.Triggers), StringComparison.Ordinal);
        Assert.DoesNotContain("_tm_guard", report.Model.Schema.Single(o => o.Name == "stamp").Sql, StringComparison.Ordinal);
        using var db = SqliteFile.Open(_folder.File("adopt1.db"), new OpenOptions());
        Assert.Contains("_tm_guard", db.Scalar("SELECT sql FROM sqlite_master WHERE name = 'stamp'").AsText, StringComparison.Ordinal);

        Adopter.CreateEmpty(_folder.File("clone.db"), report.Model, SyncEnvironment.System);
        using var clone = SqliteFile.Open(_folder.File("clone.db"), new OpenOptions());
        Assert.Equal(db.Scalar("SELECT sql FROM sqlite_master WHERE name = 'stamp'"), clone.Scalar("SELECT sql FROM sqlite_master WHERE name = 'stamp'"));
    }

    private int _files;

    private AdoptionReport Adopt(string ddl, AdoptionOptions? options = null)
    {
        _files++;
        var path = _folder.File($"adopt{_files}.db");
        using (var db = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true }))
        {
            db.Run(ddl);
        }

        return Adopter.Adopt(path, options ?? new AdoptionOptions(), SyncEnvironment.System);
    }

    private static List<Value> AppSchema(string path)
    {
        using var db = new SqliteConnection($"Data Source={path};Pooling=False");
        db.Open();
        return [.. db.Query("SELECT sql FROM sqlite_master WHERE tbl_name NOT LIKE '\\_tm%' ESCAPE '\\' AND name NOT LIKE '\\_tm%' ESCAPE '\\' ORDER BY name").Select(r => r[0])];
    }
}
