using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Tidemark.Cli.Demonstrating;

/// <summary>
/// The demo's own app: a health journal with required and optional references, client-made UUIDs and plain integer keys (which
/// collide when two devices add rows offline).
/// </summary>
internal static class JournalData
{
    public const int Seed = 20_26;

    private const string Schema = """
        CREATE TABLE devices(
          id TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, platform TEXT NOT NULL, last_seen TEXT) WITHOUT ROWID;
        CREATE TABLE products(
          id INTEGER PRIMARY KEY, name TEXT NOT NULL, barcode TEXT UNIQUE, unit TEXT NOT NULL DEFAULT 'g', kcal REAL);
        CREATE TABLE sessions(
          id INTEGER PRIMARY KEY, device_id TEXT NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
          started_at TEXT NOT NULL, minutes INTEGER, note TEXT);
        CREATE TABLE consumptions(
          id INTEGER PRIMARY KEY, session_id INTEGER NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
          product_id INTEGER REFERENCES products(id) ON DELETE SET NULL, quantity REAL NOT NULL, at TEXT NOT NULL);
        CREATE TABLE journal_entries(
          id TEXT PRIMARY KEY NOT NULL, session_id INTEGER REFERENCES sessions(id) ON DELETE SET NULL,
          replies_to TEXT REFERENCES journal_entries(id), title TEXT NOT NULL, body TEXT, mood INTEGER, written_at TEXT NOT NULL);
        CREATE INDEX consumptions_session ON consumptions(session_id);
        CREATE INDEX journal_entries_session ON journal_entries(session_id);
        """;

    private static readonly string[] Foods = ["Oats", "Apple", "Rye bread", "Lentil soup", "Rice", "Yoghurt", "Walnuts", "Green tea", "Dark chocolate", "Tomato salad"];

    private static readonly string[] Titles = ["Slept well", "Long walk", "Headache", "Ran 5 km", "Quiet day", "Rain", "Met Ada", "Late night", "New recipe", "Day off"];

    public static void Create(SqliteConnection connection)
    {
        using var transaction = connection.BeginTransaction();
        Execute(connection, Schema);
        var random = new Random(Seed);
        foreach (var (id, name, platform) in new[] { (Id(1), "phone", "Android"), (Id(2), "laptop", "Linux"), (Id(3), "watch", "Wear OS") })
        {
            Execute(connection, $"INSERT INTO devices VALUES('{id}', '{name}', '{platform}', NULL)");
        }

        for (var i = 0; i < Foods.Length; i++)
        {
            Execute(connection, string.Create(CultureInfo.InvariantCulture, $"INSERT INTO products(name, barcode, kcal) VALUES('{Foods[i]}', '40000000000{i:00}', {random.Next(20, 600)})"));
        }

        for (var session = 1; session <= 60; session++)
        {
            FillSession(connection, random, session);
        }

        transaction.Commit();
    }

    /// <summary>An id as an app would make it, but the same in every run.</summary>
    public static string Id(int n) => string.Create(CultureInfo.InvariantCulture, $"0190{n:x4}-5eed-7000-8000-{n:x12}");

    private static void FillSession(SqliteConnection connection, Random random, int session)
    {
        var day = new DateTime(2026, 1, 1, 7, 0, 0, DateTimeKind.Utc).AddDays(session);
        Execute(connection, string.Create(CultureInfo.InvariantCulture, $"INSERT INTO sessions VALUES({session}, '{Id(1 + random.Next(3))}', '{day:s}Z', {random.Next(5, 90)}, NULL)"));
        for (var i = 0; i < 5; i++)
        {
            Execute(connection, string.Create(CultureInfo.InvariantCulture, $"INSERT INTO consumptions(session_id, product_id, quantity, at) VALUES({session}, {1 + random.Next(Foods.Length)}, {random.Next(10, 400) / 10.0}, '{day.AddMinutes(i):s}Z')"));
        }

        var parent = session > 10 && random.Next(3) == 0 ? $"'{Id(1000 + session - 10)}'" : "NULL";
        Execute(connection, string.Create(CultureInfo.InvariantCulture, $"INSERT INTO journal_entries VALUES('{Id(1000 + session)}', {session}, {parent}, '{Titles[random.Next(Titles.Length)]}', 'Day {session}.', {random.Next(1, 6)}, '{day:s}Z')"));
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
