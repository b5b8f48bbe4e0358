using System.Globalization;
using Tidemark.Sqlite;
using Xunit;

namespace Tidemark.Client.Tests.Capture;

/// <summary>Random statements on tables with every kind of key and unique index: base, live row and touches always tell what was shown.</summary>
public sealed class RandomStatementsTests
{
    private static readonly Dictionary<string, string> Tables = new(StringComparer.Ordinal)
    {
        ["integer key"] = "CREATE TABLE t(k INTEGER PRIMARY KEY, a TEXT UNIQUE, b INTEGER, c); CREATE UNIQUE INDEX t_bc ON t(b, c)",
        ["text key"] = "CREATE TABLE t(k TEXT PRIMARY KEY, a TEXT COLLATE NOCASE UNIQUE, b INTEGER, c)",
        ["key without case"] = "CREATE TABLE t(k TEXT PRIMARY KEY COLLATE NOCASE, a TEXT, b INTEGER, c)",
        ["without rowid"] = "CREATE TABLE t(k, a TEXT, b INTEGER UNIQUE, c, PRIMARY KEY(k, a)) WITHOUT ROWID",
        ["partial index"] = "CREATE TABLE t(k INTEGER PRIMARY KEY, a TEXT, b INTEGER, c); CREATE UNIQUE INDEX t_a ON t(a) WHERE b > 2 AND c IS NOT NULL",
        ["expression index"] = "CREATE TABLE t(k TEXT PRIMARY KEY, a TEXT, b INTEGER, c); CREATE UNIQUE INDEX t_e ON t(lower(a) || 'x', abs(b) % 5 COLLATE NOCASE DESC)",
        ["generated"] = "CREATE TABLE t(k INTEGER PRIMARY KEY, a TEXT, b INTEGER, c, g AS (b % 4) UNIQUE)",
        ["own trigger"] = "CREATE TABLE t(k INTEGER PRIMARY KEY, a TEXT UNIQUE, b INTEGER, c); CREATE TRIGGER t_stamp AFTER UPDATE ON t WHEN NEW.c IS OLD.c BEGIN UPDATE t SET c = coalesce(OLD.c, 0) + 1 WHERE k = NEW.k; END; CREATE TRIGGER t_first BEFORE UPDATE ON t WHEN NEW.b = 3 BEGIN UPDATE t SET a = a || 'z' WHERE k = OLD.k AND length(a) < 4; END",
        ["mixed classes"] = "CREATE TABLE t(k PRIMARY KEY, a, b INTEGER, c UNIQUE)",
    };

    public static TheoryData<string, bool> Cases()
    {
        var data = new TheoryData<string, bool>();
        foreach (var name in Tables.Keys)
        {
            data.Add(name, false);
            data.Add(name, true);
        }

        return data;
    }

    [Theory]
    [Trait("req", "STO-01")]
    [MemberData(nameof(Cases))]
    public void Nothing_is_missed(string table, bool recursiveTriggers)
    {
        using var file = new CapturedFile(Tables[table], recursiveTriggers);
        for (var seed = 0; seed < 25; seed++)
        {
            var random = new Random(seed);
            for (var i = 0; i < 6; i++)
            {
                file.Try(Insert(random));
            }

            file.Shown();
            var statements = new List<string>();
            for (var i = 0; i < 8; i++)
            {
                var sql = Statement(random);
                statements.Add((file.Try(sql) ? "" : "(refused) ") + sql);
                try
                {
                    file.AssertNothingMissed();
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    throw new InvalidOperationException($"{table}, seed {seed.ToString(CultureInfo.InvariantCulture)}: {string.Join(";\n", statements)}", e);
                }
            }

            file.Db.Run("DELETE FROM t WHERE b % 2 = 0");
        }
    }

    private static string Statement(Random random) => random.Next(8) switch
    {
        0 or 1 => Insert(random),
        2 => Insert(random) + " ON CONFLICT DO NOTHING",
        3 => Update(random) + $" WHERE k = {Key(random)}",
        4 => Update(random) + $" WHERE b = {Number(random)}",
        5 => Update(random),
        6 => $"DELETE FROM t WHERE b = {Number(random)}",
        _ => $"INSERT INTO t(k, a, b, c) SELECT k || '1', a || '1', b + 1, c FROM t WHERE b = {Number(random)}",
    };

    private static string Insert(Random random) => $"INSERT {Conflict(random)} INTO t(k, a, b, c) VALUES({Key(random)}, {Text(random)}, {Number(random)}, {Number(random)})";

    private static string Update(Random random) => $"UPDATE {Conflict(random)} t SET " + random.Next(6) switch
    {
        0 => "k = " + Key(random),
        1 => "a = " + Text(random),
        2 => "b = " + Number(random) + ", c = NULL",
        3 => "c = " + Number(random),
        4 => "k = k, b = b + 1",
        _ => $"a = {Text(random)}, b = {Number(random)}, c = {Number(random)}",
    };

    private static string Conflict(Random random) => random.Next(6) switch
    {
        0 => "OR IGNORE",
        1 => "OR FAIL",
        2 => "OR ABORT",
        _ => "OR REPLACE",
    };

    private static string Key(Random random) => random.Next(12) switch
    {
        0 => "'1'",
        1 => "'A'",
        2 => "'a'",
        var n => n.ToString(CultureInfo.InvariantCulture),
    };

    private static string Text(Random random) => random.Next(8) switch
    {
        0 => "NULL",
        1 => "'A'",
        2 => "'a'",
        var n => "'t" + n.ToString(CultureInfo.InvariantCulture) + "'",
    };

    private static string Number(Random random) => random.Next(9) switch
    {
        0 => "NULL",
        1 => "'3'",
        2 => "-2",
        var n => n.ToString(CultureInfo.InvariantCulture),
    };
}
