using Tidemark.Model.Values;
using Tidemark.Testing;
using Xunit;

namespace Tidemark.Sqlite.Tests.Statements;

public sealed class RawStatementTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public static TheoryData<string> Encodings() => ["UTF-8", "UTF-16le"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [Trait("req", "STO-02")]
    [MemberData(nameof(Encodings))]
    public void Every_value_comes_back_with_its_class(string encoding)
    {
        Value[] values =
        [
            Value.Null, Value.Integer(0), Value.Integer(long.MinValue), Value.Integer(long.MaxValue), Value.Real(0.1), Value.Real(double.MaxValue), Value.Real(double.NegativeInfinity),
            Value.Real(3.0), Value.Text(""), Value.Text("a\0b"), Value.Text("\0"), Value.Text("gr\u00f6\u00dfe \U0001F30A"), Value.Text(new string('x', 5000) + "\u20ac"), Value.Blob([]), Value.Blob([0, 255, 1]),
        ];
        using var db = SqliteFile.Open(_folder.File("v.db"), new OpenOptions { CreateIfMissing = true, WriteAheadLog = false });
        db.Run($"PRAGMA encoding='{encoding}'; CREATE TABLE t(i INTEGER PRIMARY KEY, v)");
        using var insert = new RawStatement(db, "INSERT INTO t(v) VALUES(?1)");
        foreach (var value in values)
        {
            insert.Bind(1, value);
            Assert.Equal(1, insert.Execute());
        }

        Assert.Equal(values, db.Query("SELECT v FROM t ORDER BY i").Select(r => r[0]));
    }

    [Fact]
    [Trait("req", "STO-02")]
    public void A_statement_that_was_closed_is_not_run()
    {
        using var db = SqliteFile.Open(_folder.File("closed.db"), new OpenOptions { CreateIfMissing = true });
        db.Run("CREATE TABLE t(v)");
        var insert = new RawStatement(db, "INSERT INTO t(v) VALUES(?1)");
        insert.Dispose();
        Assert.ThrowsAny<Exception>(() => insert.Bind(1, 1L));
        Assert.ThrowsAny<Exception>(() => insert.Step());
        insert.Dispose();
        Assert.Equal(0, db.Scalar("SELECT count(*) FROM t").AsInteger);
    }

    [Fact]
    [Trait("req", "STO-02")]
    public void Text_that_is_no_utf8_is_named_and_kept()
    {
        using var db = SqliteFile.Open(_folder.File("m.db"), new OpenOptions { CreateIfMissing = true });
        db.Run("CREATE TABLE t(v); INSERT INTO t VALUES(CAST(x'41FF42' AS TEXT))");
        var value = db.Scalar("SELECT v FROM t");
        Assert.Equal(ValueKind.MalformedText, value.Kind);
        db.Run("INSERT INTO t VALUES(?1)", value);
        Assert.Equal(1, db.Scalar("SELECT count(DISTINCT v) FROM t").AsInteger);
        Assert.Equal("text", db.Scalar("SELECT typeof(v) FROM t LIMIT 1 OFFSET 1").AsText);
    }

    [Fact]
    public void Lone_surrogates_and_absent_values_are_refused()
    {
        using var db = SqliteFile.Open(_folder.File("l.db"), new OpenOptions { CreateIfMissing = true });
        using var statement = new RawStatement(db, "SELECT ?1");
        Assert.ThrowsAny<ArgumentException>(() => statement.Bind(1, "\ud800"));
        Assert.Throws<ArgumentException>(() => statement.Bind(1, Value.Absent));
        Assert.Throws<ArgumentException>(() => new RawStatement(db, "SELECT 1; SELECT 2"));
        Assert.Throws<ArgumentException>(() => new RawStatement(db, "-- nothing"));
    }

    [Fact]
    public void A_cached_statement_is_reused_cleared_and_safe_when_nested()
    {
        using var db = SqliteFile.Open(_folder.File("c.db"), new OpenOptions { CreateIfMissing = true });
        using var cache = new StatementCache(db, idleStatementsMax: 1);
        RawStatement first;
        using (first = cache.Get("SELECT ?1"))
        {
            first.Bind(1, 5L);
            Assert.True(first.Step());
            using var nested = cache.Get("SELECT ?1");
            Assert.NotSame(first, nested);
            Assert.True(nested.Step());
            Assert.True(nested.ColumnIsNull(0));
        }

        using var again = cache.Get("SELECT ?1");
        Assert.True(again.Step());
        Assert.True(again.ColumnIsNull(0));
    }

    [Fact]
    [Trait("req", "STO-15")]
    public void A_constraint_has_its_own_trouble()
    {
        using var db = SqliteFile.Open(_folder.File("k.db"), new OpenOptions { CreateIfMissing = true });
        db.Run("CREATE TABLE p(id INTEGER PRIMARY KEY, u UNIQUE, n NOT NULL, c CHECK(c > 0), f REFERENCES p(id)); INSERT INTO p VALUES(1, 1, 1, 1, NULL)");
        Assert.Equal(StoreTrouble.ConstraintUnique, TroubleOf("INSERT INTO p VALUES(1, 2, 1, 1, NULL)"));
        Assert.Equal(StoreTrouble.ConstraintUnique, TroubleOf("INSERT INTO p VALUES(2, 1, 1, 1, NULL)"));
        Assert.Equal(StoreTrouble.ConstraintNotNull, TroubleOf("INSERT INTO p VALUES(2, 2, NULL, 1, NULL)"));
        Assert.Equal(StoreTrouble.ConstraintCheck, TroubleOf("INSERT INTO p VALUES(2, 2, 1, -1, NULL)"));
        Assert.Equal(StoreTrouble.ConstraintForeignKey, TroubleOf("INSERT INTO p VALUES(2, 2, 1, 1, 77)"));
        Assert.Equal(StoreTrouble.Other, TroubleOf("SELECT * FROM nothing"));

        StoreTrouble TroubleOf(string sql) => Assert.Throws<StoreException>(() => db.Run(sql, [])).Trouble;
    }
}
