using System.Text;
using Microsoft.Data.Sqlite;
using Tidemark.Client.Adoption;
using Tidemark.Client.Errors;
using Tidemark.Client.Inspection;
using Tidemark.Client.Storage;
using Tidemark.Fuzzing.Engine;
using Tidemark.Fuzzing.Inputs;
using Tidemark.Model.Entities;
using Tidemark.Sqlite;

namespace Tidemark.Fuzzing.Device;

/// <summary>
/// Schemas that SQLite takes, adopted: refused with a reason, or the app notices nothing. Every statement of the app ends the
/// same way on the adopted file as on a copy that was not, and leaves the same rows.
/// </summary>
public sealed class SchemaTarget : IFuzzTarget
{
    private const string Separator = ";--\n";
    private static readonly string[] Tables = ["a", "\"b b\"", "[c]", "\"order\"", "\"\u00e9\u00a0x\"", "\"it's\"", "\"q\"\"q\"", "A2"];
    private static readonly string[] Columns = ["id", "x", "\"select\"", "\"a b\"", "\u00e4", "\"rowid\"", "\"n\"\"n\"", "begin_", "\u2003y"];
    private static readonly string[] Types = ["INTEGER", "TEXT", "REAL", "BLOB", "", "VARCHAR(10) COLLATE NOCASE", "NUMERIC", "INT", "DATETIME", "\"odd type\"", "ANY"];
    private static readonly byte[][] Words = [.. new[] { "PRIMARY KEY", "UNIQUE", "NOT NULL", "DEFAULT ", "CHECK(", "REFERENCES ", "WITHOUT ROWID", "STRICT", "GENERATED ALWAYS AS (", "COLLATE RTRIM", "ON DELETE CASCADE", "DEFERRABLE INITIALLY DEFERRED", "/* BEGIN */", "--\n", "WHEN ", "\u00a0", "TEMP ", "IF NOT EXISTS ", "main.", "\ufeff" }.Select(Encoding.UTF8.GetBytes)];
    private readonly string _folder = Directory.CreateTempSubdirectory("tidemark-fuzz-").FullName;

    public string Name => "schema";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. new[]
        {
            DeviceFile.Schema.Replace(";\n", Separator, StringComparison.Ordinal) + Separator + DeviceFile.Rows.Replace(";\n", Separator, StringComparison.Ordinal) + Separator + "DELETE FROM boxes WHERE id = 'a'",
            "CREATE TABLE a(id INTEGER PRIMARY KEY, x)" + Separator + "CREATE TABLE log(n)" + Separator + "CREATE TRIGGER t AFTER UPDATE OF x ON a WHEN NEW.x > 1 BEGIN INSERT INTO log VALUES(NEW.x); UPDATE a SET x = 0 WHERE id = NEW.id; END" + Separator + "INSERT INTO a VALUES(1, 1)" + Separator + "UPDATE a SET x = 5",
            "CREATE TABLE \"\u00e9\u00a0x\"(\u00e4 TEXT PRIMARY KEY)" + Separator + "CREATE TABLE b(id PRIMARY KEY)" + Separator + "CREATE TRIGGER \u00a0t AFTER INSERT ON b BEGIN INSERT INTO \u00e9\u00a0x VALUES(NEW.id); END" + Separator + "INSERT INTO b VALUES('k')",
            "CREATE TABLE a(id PRIMARY KEY, g AS (id || 'x') UNIQUE)" + Separator + "CREATE UNIQUE INDEX i ON a(lower(id) COLLATE NOCASE DESC) WHERE id > ''" + Separator + "INSERT INTO a VALUES(1)",
        }.Select(FuzzModel.Utf8),
    ];

    public byte[]? Make(FuzzDice dice)
    {
        var script = new List<string>();
        var tables = Enumerable.Range(0, 1 + dice.Next(3)).Select(_ => dice.Of(Tables)).Distinct().ToList();
        foreach (var table in tables)
        {
            script.Add(Table(table, tables, dice));
        }

        for (var i = dice.Next(3); i > 0; i--)
        {
            script.Add(Trigger(i, tables, dice));
        }

        if (dice.Chance(30))
        {
            script.Add($"CREATE UNIQUE INDEX i ON {dice.Of(tables)}({dice.Of(["id", "lower(id)", "x DESC", "x COLLATE NOCASE", "abs(id + 1), x", "(id)"])}){dice.Of(["", " WHERE x IS NOT NULL", " WHERE id > ')' "])}");
        }

        for (var i = 2 + dice.Next(8); i > 0; i--)
        {
            script.Add(Statement(dice.Of(tables), dice));
        }

        return FuzzModel.Utf8(string.Join(Separator, script));
    }

    public byte[] Vary(byte[] input, byte[] other, FuzzDice dice)
    {
        var statements = Encoding.UTF8.GetString(input).Split(Separator).ToList();
        var at = dice.Next(statements.Count);
        switch (dice.Next(4))
        {
            case 0:
                statements.Insert(at, dice.Of(Encoding.UTF8.GetString(other).Split(Separator)));
                break;
            case 1 when statements.Count > 1:
                statements.RemoveAt(at);
                break;
            default:
                statements[at] = Encoding.UTF8.GetString(ByteVariations.Vary(Encoding.UTF8.GetBytes(statements[at]), other, dice, Words));
                break;
        }

        return FuzzModel.Utf8(string.Join(Separator, statements));
    }

    public string Run(byte[] input)
    {
        foreach (var old in Directory.GetFiles(_folder))
        {
            File.Delete(old);
        }

        var (plain, adopted) = (Path.Combine(_folder, "plain.db"), Path.Combine(_folder, "adopted.db"));
        var statements = Encoding.UTF8.GetString(input).Split(Separator);
        var rest = Built(plain, statements);
        if (rest < 0)
        {
            return "no schema";
        }

        File.Copy(plain, adopted);
        AdoptionReport report;
        try
        {
            report = Adopter.Adopt(adopted, new AdoptionOptions(), DeviceFile.Environment((_, _) => throw new HttpRequestException()));
        }
        catch (Exception e) when (e is StoreException or SyncException or ModelException)
        {
            Same(plain, adopted, "A refused adoption changed rows");
            return "refused " + Shapes.Of(e);
        }

        Same(plain, adopted, "Adoption changed rows");
        var ended = SameStatements(plain, adopted, statements[rest..], report);
        Examine(plain, adopted);
        return $"adopted {report.Model.Entities.Count} {string.Join(' ', report.LeftOut.Select(l => Shapes.Text(l.Reason)).Concat(report.Warnings.Select(Shapes.Text)).Concat(report.Triggers.Select(Shapes.Text)).Distinct().Order(StringComparer.Ordinal).Take(3))} {ended}";
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // The file as the app has it before the adoption: what makes tables, and the rows of the first half.
    private static int Built(string path, string[] statements)
    {
        using var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, Checkpoints = true });
        var last = -1;
        for (var i = 0; i < statements.Length; i++)
        {
            var isSchema = statements[i].TrimStart().StartsWith("CREATE", StringComparison.OrdinalIgnoreCase);
            if ((isSchema || i < statements.Length / 2) && !IsForeign(statements[i]) && Try(connection, statements[i]) == "ok" && isSchema)
            {
                last = i;
            }
        }

        if (!connection.IsAutocommit())
        {
            connection.Run("ROLLBACK");
        }

        return last < 0 ? -1 : Math.Max(last + 1, statements.Length / 2);
    }

    // What reaches other files or the settings of the connection is not about schemas.
    private static bool IsForeign(string sql) =>
        new[] { "ATTACH", "DETACH", "PRAGMA", "VACUUM", "BEGIN IMM", "COMMIT", "ROLLBACK", "SAVEPOINT", "writable", "_tm_", "random", "changes(", "total_changes", "last_insert", "RECURSIVE", "date", "time", "TEMP", "sqlite_" }.Any(w => sql.Contains(w, StringComparison.OrdinalIgnoreCase))
        || (sql.TrimStart().Length > 5 && sql.TrimStart()[..5].ToUpperInvariant() is "ALTER" or "DROP ");

    private static string Try(SqliteConnection connection, string sql)
    {
        try
        {
            connection.Run(sql);
            return "ok";
        }
        catch (StoreException e)
        {
            return e.Trouble.ToString();
        }
    }

    private static string SameStatements(string plain, string adopted, string[] statements, AdoptionReport report)
    {
        var ok = 0;
        using var one = SqliteFile.Open(plain, new OpenOptions());
        using var other = SqliteFile.Open(adopted, new OpenOptions());
        var tables = TablesOf(one);
        foreach (var sql in statements.Where(s => !IsForeign(s)))
        {
            var (without, with) = (Try(one, sql), Try(other, sql));
            if (without != with)
            {
                throw new FindingException($"A statement ends with {without} without Tidemark and with {with} under it ({report.Model.Entities.Count} types are synced): {sql}");
            }

            ok += without == "ok" ? 1 : 0;
            if (one.IsAutocommit() != other.IsAutocommit())
            {
                throw new FindingException("A statement leaves another state of transaction: " + sql);
            }
        }

        if (!one.IsAutocommit())
        {
            one.Run("ROLLBACK");
            other.Run("ROLLBACK");
        }

        return DeviceFile.Dump(one, tables).SequenceEqual(DeviceFile.Dump(other, tables)) ? ok > 0 ? "written" : "" : throw new FindingException("The same statements leave other rows under Tidemark.");
    }

    private static void Same(string plain, string adopted, string what)
    {
        using var one = SqliteFile.Open(plain, new OpenOptions());
        using var other = SqliteFile.Open(adopted, new OpenOptions());
        var tables = TablesOf(one);
        if (!DeviceFile.Dump(one, tables).SequenceEqual(DeviceFile.Dump(other, tables)))
        {
            throw new FindingException(what);
        }
    }

    private static List<string> TablesOf(SqliteConnection connection) =>
        [.. connection.Query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name").Select(r => r[0].AsText)];

    private static void Examine(string plain, string adopted)
    {
        var isSound = IsSound(plain);
        var environment = DeviceFile.Environment((_, _) => throw new HttpRequestException());
        var store = LocalStore.Open(adopted, new StoreOptions(), environment);
        try
        {
            var report = new StoreDoctor(store, environment).ExamineAsync(repair: false, default).GetAwaiter().GetResult();
            var faults = report.Findings.Where(f => f.Severity == FindingSeverity.Fault && f.Code != FindingCodes.Orphans && !(f.Code == FindingCodes.FileDamaged && !isSound)).ToList();
            if (faults.Count > 0)
            {
                throw new FindingException("The doctor finds a fault after plain writes: " + string.Join("; ", faults.Select(f => f.Code + " " + f.Message)));
            }
        }
        finally
        {
            store.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    // SQLite itself finds fault with some files that only it has written, such as text in a generated BLOB column of a STRICT table.
    private static bool IsSound(string path)
    {
        using var connection = SqliteFile.Open(path, new OpenOptions());
        return connection.Query("PRAGMA quick_check").TrueForAll(r => r[0].ToString() == "ok");
    }

    private static string Table(string table, List<string> tables, FuzzDice dice)
    {
        var columns = new List<string> { $"id {dice.Of(Types)} {dice.Of(["PRIMARY KEY", "PRIMARY KEY", "NOT NULL PRIMARY KEY", "", "UNIQUE", "PRIMARY KEY DESC"])}" };
        foreach (var column in Columns.Skip(1).Where(_ => dice.Chance(35)))
        {
            columns.Add($"{column} {dice.Of(Types)} {dice.Of(["", "", "NOT NULL DEFAULT 'd'", "UNIQUE", "CHECK(length(id) < 9)", "AS (id) STORED", "AS (id || 'g')", $"REFERENCES {dice.Of(tables)}", $"REFERENCES {dice.Of(tables)}(id) ON DELETE {dice.Of(["CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT"])} ON UPDATE CASCADE", "COLLATE RTRIM"])}");
        }

        return $"CREATE TABLE {table}({string.Join(", ", columns)}{dice.Of(["", "", ", UNIQUE(id)", ", CHECK(id <> '(')"])}){dice.Of(["", "", " WITHOUT ROWID", " STRICT"])}";
    }

    private static string Trigger(int number, List<string> tables, FuzzDice dice)
    {
        var body = string.Join(' ', Enumerable.Range(0, 1 + dice.Next(2)).Select(_ => Statement(dice.Of(tables), dice) + ";"));
        return $"CREATE TRIGGER {dice.Of(["t", "\"tr g\"", "[when]"])[..]}{(number > 1 ? "" : " ")} {dice.Of(["BEFORE", "AFTER"])} {dice.Of(["INSERT", "UPDATE", "DELETE", "UPDATE OF id"])} ON {dice.Of(tables)} {dice.Of(["", "FOR EACH ROW", "WHEN 1", "WHEN (SELECT count(*) FROM sqlite_schema) > 0", "/* WHEN */ WHEN 1=1 OR 0"])} BEGIN {body} END";
    }

    private static string Statement(string table, FuzzDice dice)
    {
        var value = dice.Of(["1", "2", "'k'", "NULL", "1.5", "x'00'", "''", "'9'", "-1", "zeroblob(3)", "'\u00e9'"]);
        return dice.Next(6) switch
        {
            0 or 1 or 2 => $"INSERT{dice.Of(["", " OR REPLACE", " OR IGNORE"])} INTO {table}(id) VALUES({value})",
            3 => $"UPDATE{dice.Of(["", " OR REPLACE", " OR IGNORE"])} {table} SET id = {value}{dice.Of(["", " WHERE id = 1"])}",
            4 => $"DELETE FROM {table}{dice.Of(["", " WHERE id = " + value])}",
            _ => $"INSERT INTO {table}(id) VALUES({value}) ON CONFLICT DO NOTHING",
        };
    }
}
