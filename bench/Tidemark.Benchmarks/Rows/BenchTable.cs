using Tidemark.Benchmarks.Bare;

namespace Tidemark.Benchmarks.Rows;

/// <summary>The table of every measurement: ten columns, 320 bytes of values a row.</summary>
internal static class BenchTable
{
    public const string Name = "journal_entries";

    public const string Ddl = """
        CREATE TABLE journal_entries(
          id TEXT NOT NULL PRIMARY KEY,
          user_id TEXT NOT NULL,
          kind TEXT NOT NULL,
          title TEXT,
          body TEXT,
          created_at TEXT NOT NULL,
          updated_at TEXT NOT NULL,
          mood INTEGER,
          score REAL,
          revision INTEGER NOT NULL)
        """;

    public const string InsertSql = "INSERT INTO journal_entries VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)";

    public const string UpdateSql = "UPDATE journal_entries SET title=?2 WHERE id=?1";

    public static readonly string[] Columns =
        ["id", "user_id", "kind", "title", "body", "created_at", "updated_at", "mood", "score", "revision"];

    public static void Bind(BareStatement statement, BenchRow row)
    {
        statement.Bind(1, row.Id);
        statement.Bind(2, row.UserId);
        statement.Bind(3, row.Kind);
        statement.Bind(4, row.Title);
        statement.Bind(5, row.Body);
        statement.Bind(6, row.CreatedAt);
        statement.Bind(7, row.UpdatedAt);
        statement.Bind(8, row.Mood);
        statement.Bind(9, row.Score);
        statement.Bind(10, row.Revision);
    }

    /// <summary>Makes a file with the table and the first <paramref name="rows"/> rows, checkpointed and closed.</summary>
    public static void Create(string path, int rows)
    {
        using var database = new BareDatabase(path, "OFF");
        database.Execute(Ddl);
        Insert(database, BenchRow.Range(0, rows));
        database.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    /// <summary>All rows in one transaction.</summary>
    public static void Insert(BareDatabase database, IEnumerable<BenchRow> rows)
    {
        using var insert = database.Prepare(InsertSql);
        database.Execute("BEGIN IMMEDIATE");
        foreach (var row in rows)
        {
            Bind(insert, row);
            insert.Run();
        }

        database.Execute("COMMIT");
    }
}
