using Microsoft.Data.Sqlite;
using Tidemark.Client.Storage.Writing;
using Tidemark.Model.Values;
using Tidemark.Sqlite;
using Tidemark.Testing;

namespace Tidemark.Client.Tests.Writing;

/// <summary>A database file with a few tables, gone after the test.</summary>
internal sealed class NotesFile : IDisposable
{
    private readonly TempFolder _folder = new();

    public NotesFile()
    {
        using var connection = Connect(create: true);
        connection.Run("""
            CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT);
            CREATE TABLE parent(id INTEGER PRIMARY KEY);
            CREATE TABLE child(id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED);
            CREATE TABLE strict_child(id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL REFERENCES parent(id));
            """);
    }

    public string Path => _folder.File("notes.db");

    public string Folder => _folder.Path;

    public SqliteConnection Connect(TimeSpan? busyTimeout = null, bool create = false) => SqliteFile.Open(Path, new OpenOptions
    {
        Checkpoints = true,
        CreateIfMissing = create,
        BusyTimeout = busyTimeout ?? TimeSpan.FromSeconds(10),
    });

    public WriteQueue Queue(TaskScheduler? scheduler = null, TimeSpan? busyTimeout = null) =>
        WriteQueue.Open(Path, () => Connect(busyTimeout), scheduler);

    /// <summary>The ids of a table, in order, read by a connection of its own.</summary>
    public long[] Ids(string table = "note")
    {
        using var connection = Connect();
        return [.. connection.Query($"SELECT id FROM {table} ORDER BY id").Select(row => row[0].AsInteger)];
    }

    public void Dispose() => _folder.Dispose();
}

internal static class NoteWrites
{
    public static Task<int> Insert(this WriteQueue queue, long id, CancellationToken cancellationToken = default) =>
        queue.RunAsync(connection => connection.Run("INSERT INTO note(id, text) VALUES(?, 'x')", Value.Integer(id)), cancellationToken);

    public static Task<int> RunSql(this WriteQueue queue, string sql) => queue.RunAsync(
        connection =>
        {
            connection.Run(sql);
            return 0;
        },
        CancellationToken.None);
}
