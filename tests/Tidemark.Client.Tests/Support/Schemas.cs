namespace Tidemark.Client.Tests.Support;

/// <summary>Small schemas that many tests use.</summary>
internal static class Schemas
{
    /// <summary>Parents and children under integer keys, cascading.</summary>
    public const string Authors = """
        CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT);
        CREATE TABLE book(id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES author(id) ON DELETE CASCADE, title TEXT NOT NULL, sequel_of INTEGER REFERENCES book(id));
        CREATE INDEX book_author ON book(author_id);
        """;

    /// <summary>Text keys made on the device, a unique column.</summary>
    public const string Notes = """
        CREATE TABLE note(id TEXT PRIMARY KEY, title TEXT, body TEXT, slug TEXT UNIQUE);
        """;

    /// <summary>A restricting reference.</summary>
    public const string Orders = """
        CREATE TABLE customer(id TEXT PRIMARY KEY, name TEXT);
        CREATE TABLE purchase(id TEXT PRIMARY KEY, customer_id TEXT NOT NULL REFERENCES customer(id), total REAL);
        CREATE TABLE item(id TEXT PRIMARY KEY, purchase_id TEXT NOT NULL REFERENCES purchase(id) ON DELETE CASCADE, what TEXT);
        """;
}
