using Tidemark.Client.Adoption;
using Tidemark.Client.Environment;
using Tidemark.Model.Entities;
using Tidemark.Sqlite;
using Tidemark.Testing;
using Xunit;

namespace Tidemark.Client.Tests.Adoption;

public sealed class OddReferencesTests
{
    [Fact]
    [Trait("req", "STO-14")]
    [Trait("req", "MOD-05")]
    public void What_sqlite_lets_stand_in_a_schema_never_makes_a_model_with_faults()
    {
        using var folder = new TempFolder();
        var path = folder.File("odd.db");
        using (var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true }))
        {
            connection.Run("""
                CREATE TABLE parent (id INTEGER PRIMARY KEY, code TEXT UNIQUE, plain TEXT, partial TEXT, made TEXT AS (code || '!') STORED UNIQUE);
                CREATE UNIQUE INDEX only_some ON parent(partial) WHERE partial > 'm';
                CREATE TABLE child (
                    id INTEGER PRIMARY KEY,
                    a INTEGER REFERENCES PARENT(ID) REFERENCES parent,
                    b TEXT REFERENCES parent(plain),
                    c TEXT REFERENCES parent(partial),
                    d TEXT REFERENCES parent(made),
                    e TEXT REFERENCES parent(no_such_column),
                    f TEXT REFERENCES parent(CODE),
                    g INTEGER NOT NULL REFERENCES parent ON DELETE SET NULL,
                    h INTEGER REFERENCES nowhere,
                    FOREIGN KEY (a) REFERENCES parent(id) ON DELETE CASCADE);
                """);
        }

        var report = Adopter.Adopt(path, new AdoptionOptions(), SyncEnvironment.System);
        Assert.Empty(ModelValidator.FaultsOf(report.Model));
        var relations = report.Model.Get("child").Relations;
        Assert.Equal(["a", "f", "g"], relations.Select(r => r.Fields[0]).Order(StringComparer.Ordinal));
        Assert.Equal(["code"], relations.Single(r => r.Fields[0] == "f").TargetFields);
        Assert.Equal(DeleteRule.Restrict, relations.Single(r => r.Fields[0] == "g").OnDelete);
        Assert.Equal(["child(b)", "child(c)", "child(d)", "child(e)", "child(h)"], report.LeftOut.Select(l => l.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    [Trait("req", "STO-14")]
    public void A_table_wider_than_the_limit_is_left_out_and_one_at_the_limit_is_not()
    {
        using var folder = new TempFolder();
        var path = folder.File("wide.db");
        using (var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true }))
        {
            connection.Run($"CREATE TABLE fits (id INTEGER PRIMARY KEY, {Columns(ModelValidator.FieldsMax - 1)}); CREATE TABLE wide (id INTEGER PRIMARY KEY, {Columns(ModelValidator.FieldsMax)});");
        }

        var report = Adopter.Adopt(path, new AdoptionOptions(), SyncEnvironment.System);
        Assert.Equal("fits", Assert.Single(report.Model.Entities).Name);
        Assert.Contains("1001 columns", Assert.Single(report.LeftOut).Reason, StringComparison.Ordinal);
    }

    private static string Columns(int count) => string.Join(", ", Enumerable.Range(0, count).Select(i => $"c{i} TEXT"));
}
