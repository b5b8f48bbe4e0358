namespace Tidemark.EndToEnd.Tests.Worlds;

/// <summary>The smallest app with a parent and a child.</summary>
internal static class Notes
{
    public const string Schema = """
        CREATE TABLE folders(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
        CREATE TABLE notes(id TEXT PRIMARY KEY NOT NULL, folder_id INTEGER NOT NULL REFERENCES folders(id), text TEXT, size INTEGER CHECK(size >= 0));
        INSERT INTO folders VALUES(1, 'inbox'), (2, 'old');
        INSERT INTO notes VALUES('n1', 1, 'first', 1), ('n2', 2, 'second', 2);
        """;
}
