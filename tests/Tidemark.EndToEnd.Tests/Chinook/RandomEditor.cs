using System.Globalization;
using System.Text;
using Tidemark.EndToEnd.Tests.Processes;

namespace Tidemark.EndToEnd.Tests.Chinook;

/// <summary>How far an editor keeps out of the other's way.</summary>
internal enum Manners
{
    /// <summary>
    /// Each side deletes and adopts parents of its own parity of id only, so that no child ever loses its required parent
    /// to the other side. Updates still meet updates and deletes.
    /// </summary>
    Polite,

    /// <summary>Anything goes: refused deletes and lost parents are to be expected.</summary>
    Rude,
}

/// <summary>
/// Seeded random edits of Chinook as an app would make them, written by the sqlite3 shell with foreign keys on. New rows take
/// the next free integer key, so two devices that edit at once always collide. Every new row carries a marker of its own.
/// </summary>
internal sealed class RandomEditor(int seed, string name, int parity, Manners manners)
{
    private static readonly string[] Spices = ["", "'' quoted", " \U0001F3B5 four bytes", " Grüße", " 日本語", " \"double\" [brackets]", " %_\\"];

    private readonly Random _random = new(seed);
    private int _markers;

    public async Task EditAsync(string database, int edits)
    {
        var script = new StringBuilder();
        for (var i = 0; i < edits; i++)
        {
            script.Append("BEGIN IMMEDIATE;\n").Append(Next()).Append("\nCOMMIT;\n");
        }

        await SqliteShell.RunAsync(database, script.ToString());
    }

    /// <summary>One edit: statements of one transaction.</summary>
    public string Next() => _random.Next(20) switch
    {
        0 or 1 => $"INSERT INTO Artist(Name) VALUES({Marker()});",
        2 or 3 => $"INSERT INTO Album(Title, ArtistId) VALUES({Marker()}, {Parent("Artist")});",
        4 or 5 => InsertTrack(),
        6 => $"INSERT INTO Playlist(Name) VALUES({Marker()});",
        7 => $"INSERT OR IGNORE INTO PlaylistTrack(PlaylistId, TrackId) SELECT {Parent("Playlist")}, {Parent("Track")};",
        8 => InsertSale(),
        9 => $"INSERT INTO Employee(LastName, FirstName, ReportsTo) VALUES({Marker()}, 'New', {Any("Employee")});",
        10 or 11 => $"UPDATE Track SET Name = {Text()}, Milliseconds = {Number(900_000)} WHERE TrackId = {Any("Track")};",
        12 => $"UPDATE Track SET UnitPrice = {Price()}, GenreId = {Optional("Genre")} WHERE TrackId = {Any("Track")};",
        13 => $"UPDATE Customer SET Company = {TextOrNull()}, City = {Text()} WHERE CustomerId = {Any("Customer")};",
        14 => UpdateLine(),
        15 => $"UPDATE Employee SET Title = {TextOrNull()} WHERE EmployeeId = {Any("Employee")};",
        16 => DeleteChild(),
        17 => DeleteInvoice(),
        18 => DeletePlaylist(),
        _ => DeleteTrack(),
    };

    /// <summary>Where markers live; `name` of the editor is part of each.</summary>
    public static string MarkersQuery(string name) => string.Join(
        " UNION ALL ",
        new[] { ("Artist", "Name"), ("Album", "Title"), ("Track", "Name"), ("Playlist", "Name"), ("Customer", "LastName"), ("Employee", "LastName") }
            .Select(t => $"SELECT {t.Item2} FROM {t.Item1} WHERE {t.Item2} LIKE '#{name}-%'"));

    private string InsertTrack() =>
        $"INSERT INTO Track(Name, AlbumId, MediaTypeId, GenreId, Milliseconds, UnitPrice) VALUES({Marker()}, {OptionalParent("Album")}, 1, {Optional("Genre")}, {Number(500_000)}, {Price()});";

    private string InsertSale() =>
        $"INSERT INTO Customer(FirstName, LastName, Email, SupportRepId) VALUES('New', {Marker()}, 'x@example.org', NULL);\n"
        + $"INSERT INTO Invoice(CustomerId, InvoiceDate, Total) VALUES((SELECT max(CustomerId) FROM Customer), '2026-01-02 00:00:00', {Price()});\n"
        + $"INSERT INTO InvoiceLine(InvoiceId, TrackId, UnitPrice, Quantity) SELECT (SELECT max(InvoiceId) FROM Invoice), {Parent("Track")}, 0.99, 1;";

    // The polite keep to lines whose parents only they delete: a kept line under a deleted invoice needs a person.
    private string UpdateLine() =>
        $"UPDATE InvoiceLine SET Quantity = Quantity + {Number(5)} WHERE InvoiceLineId = {Any("InvoiceLine", manners == Manners.Rude ? "" : string.Create(CultureInfo.InvariantCulture, $"WHERE InvoiceId % 2 = {parity} AND TrackId % 2 = {parity}"))};";

    private string DeleteChild() => _random.Next(2) == 0
        ? $"DELETE FROM InvoiceLine WHERE InvoiceLineId = {Any("InvoiceLine")};"
        : $"DELETE FROM PlaylistTrack WHERE rowid = (SELECT rowid FROM PlaylistTrack LIMIT 1 OFFSET {Number(400)});";

    private string DeleteInvoice() => WithParent("Invoice", "DELETE FROM InvoiceLine WHERE InvoiceId = (SELECT id FROM chosen);\nDELETE FROM Invoice WHERE InvoiceId = (SELECT id FROM chosen);");

    // Not the playlists that hold half of all entries: a run that deletes so much stops and asks.
    private string DeletePlaylist() => WithParent("Playlist", "DELETE FROM chosen WHERE (SELECT count(*) FROM PlaylistTrack WHERE PlaylistId = id) > 100;\nDELETE FROM PlaylistTrack WHERE PlaylistId = (SELECT id FROM chosen);\nDELETE FROM Playlist WHERE PlaylistId = (SELECT id FROM chosen);");

    private string DeleteTrack() => WithParent(
        "Track",
        """
        DELETE FROM InvoiceLine WHERE TrackId = (SELECT id FROM chosen);
        DELETE FROM PlaylistTrack WHERE TrackId = (SELECT id FROM chosen);
        DELETE FROM Track WHERE TrackId = (SELECT id FROM chosen);
        """);

    private string WithParent(string table, string statements) =>
        $"CREATE TEMP TABLE IF NOT EXISTS chosen(id);\nDELETE FROM chosen;\nINSERT INTO chosen SELECT {Parent(table)};\n{statements}";

    // Half of all picks fall on the first rows of a table, so that two editors meet.
    private string Any(string table, string where = "")
    {
        var id = table + "Id";
        var offset = _random.Next(2) == 0 ? Number(12) : Number(1_000_000);
        return $"(SELECT {id} FROM {table} {where} ORDER BY {id} LIMIT 1 OFFSET ({offset} % max(1, (SELECT count(*) FROM {table} {where}))))";
    }

    private string Parent(string table) => manners == Manners.Rude
        ? Any(table)
        : Any(table, string.Create(CultureInfo.InvariantCulture, $"WHERE {table}Id % 2 = {parity}"));

    private string OptionalParent(string table) => _random.Next(4) == 0 ? "NULL" : Parent(table);

    private string Optional(string table) => _random.Next(4) == 0 ? "NULL" : Any(table);

    private string Marker() => string.Create(CultureInfo.InvariantCulture, $"'#{name}-{++_markers}{Spice()}'");

    private string Text() => string.Create(CultureInfo.InvariantCulture, $"'{name} says {_random.Next(1000)}{Spice()}'");

    private string TextOrNull() => _random.Next(3) == 0 ? "NULL" : Text();

    private string Spice() => Spices[_random.Next(Spices.Length)] is var spice && spice.Contains("''", StringComparison.Ordinal) ? spice : spice.Replace("'", "''", StringComparison.Ordinal);

    private string Number(int below) => _random.Next(below).ToString(CultureInfo.InvariantCulture);

    private string Price() => string.Create(CultureInfo.InvariantCulture, $"{_random.Next(300) / 100m:0.00}");
}
