using Tidemark.Sqlite.Schema;
using Tidemark.Testing;
using Xunit;

namespace Tidemark.Sqlite.Tests.Schema;

public sealed class SchemaReaderTests
{
    [Fact]
    [Trait("req", "STO-14")]
    public void Tables_are_read_as_they_stand_in_the_file()
    {
        using var folder = new TempFolder();
        using var db = SqliteFile.Open(folder.File("s.db"), new OpenOptions { CreateIfMissing = true });
        db.Run("""
            CREATE TABLE parent(id INTEGER PRIMARY KEY, "a b" TEXT COLLATE NOCASE NOT NULL, twice AS (id * 2));
            CREATE TABLE "we""ird"(x INT, y TEXT, p INTEGER REFERENCES parent ON DELETE CASCADE, q TEXT, PRIMARY KEY(y, x), FOREIGN KEY(x, q) REFERENCES other(m, n) ON DELETE SET NULL ON UPDATE CASCADE) WITHOUT ROWID;
            CREATE TABLE other(m, n, o INTEGER PRIMARY KEY DESC, UNIQUE(m, n));
            CREATE UNIQUE INDEX part ON parent("a b" COLLATE RTRIM DESC) WHERE id > 5 /* where */ AND "a b" <> 'x, (y)';
            CREATE UNIQUE INDEX expr ON parent(lower("a b") || ',)', coalesce(id, (1 + 2)) COLLATE NOCASE DESC, id);
            CREATE INDEX plain ON parent("a b");
            CREATE VIEW v AS SELECT 1 AS one;
            CREATE VIRTUAL TABLE f USING fts5(body);
            CREATE TRIGGER tr AFTER INSERT ON parent BEGIN SELECT 1; END;
            """);
        var tables = SchemaReader.ReadAll(db).ToDictionary(t => t.Name, StringComparer.Ordinal);
        Assert.Equal(TableKind.View, tables["v"].Kind);
        Assert.Equal(TableKind.Virtual, tables["f"].Kind);
        Assert.Equal(TableKind.Shadow, tables["f_data"].Kind);

        var parent = tables["parent"];
        Assert.Equal("id", parent.RowIdAlias);
        Assert.Equal("NOCASE", parent.Find("A B")!.Collation);
        Assert.True(parent.Find("twice")!.Generated);
        Assert.Equal("tr", Assert.Single(parent.Triggers).Name);
        var part = parent.UniqueIndexes.Single(i => i.Name == "part");
        Assert.Equal("RTRIM", part.Terms[0].Collation);
        Assert.Equal("id > 5 /* where */ AND \"a b\" <> 'x, (y)'", part.Where);
        var expr = parent.UniqueIndexes.Single(i => i.Name == "expr");
        Assert.Equal(["lower(\"a b\") || ',)'", "coalesce(id, (1 + 2))", null], expr.Terms.Select(t => t.Expression));
        Assert.Equal(["BINARY", "NOCASE", "BINARY"], expr.Terms.Select(t => t.Collation));

        var weird = tables["we\"ird"];
        Assert.True(weird.WithoutRowId);
        Assert.Null(weird.RowIdAlias);
        Assert.Equal(["y", "x"], weird.Key.Select(c => c.Name));
        Assert.Empty(weird.ForeignKeys.Single(f => f.Target == "parent").TargetColumns);
        var composite = weird.ForeignKeys.Single(f => f.Target == "other");
        Assert.Equal(["x", "q"], composite.Columns);
        Assert.Equal(["m", "n"], composite.TargetColumns);
        Assert.Equal(("SET NULL", "CASCADE"), (composite.OnDelete, composite.OnUpdate));

        // INTEGER PRIMARY KEY DESC is no rowid, by a quirk of SQLite.
        Assert.Null(tables["other"].RowIdAlias);
        Assert.Equal("parent", SchemaReader.Read(db, "PARENT")!.Name);
        Assert.Null(SchemaReader.Read(db, "nothing"));
    }

    [Fact]
    [Trait("req", "STO-14")]
    public void Tokens_know_names_literals_and_comments()
    {
        var tokens = SqlTokenizer.Tokenize("a.\"b\"\"c\" [d e] `f``g` 'it''s' x'00' 1.5e3 -- end\n/* ; */ ?1 größe");
        Assert.Equal(["a", ".", "b\"c", "d e", "f`g", "it's", "00", "1.5e3", "?", "1", "größe"], tokens.Select(t => t.Text));
        Assert.Equal(SqlTokenKind.QuotedName, tokens[2].Kind);
        Assert.Equal(SqlTokenKind.Literal, tokens[6].Kind);
    }
}
