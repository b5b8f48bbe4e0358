using Microsoft.Data.Sqlite;
using Tidemark.Client.Adoption;
using Tidemark.Client.Environment;
using Tidemark.Client.Queries;
using Tidemark.Client.Storage;
using Tidemark.Hosting;
using Tidemark.Sqlite;

namespace Tidemark.Samples.Water;

/// <summary>A glass of water.</summary>
/// <param name="Number">Grows with every glass that comes into this file, from wherever.</param>
/// <param name="Id">The same on all devices.</param>
/// <param name="Source">Where it was entered: app or widget.</param>
/// <param name="At">When, in UTC.</param>
/// <param name="Millilitres">How much.</param>
public sealed record Drink(long Number, string Id, string Source, DateTimeOffset At, int Millilitres);

/// <summary>The file that app and widget share. Each of them opens it as if it were alone.</summary>
public sealed class WaterLog : IAsyncDisposable
{
    private const string Schema = """
        CREATE TABLE drinks(
          id TEXT PRIMARY KEY NOT NULL,
          source TEXT NOT NULL,
          at INTEGER NOT NULL,
          ml INTEGER NOT NULL)
        """;

    private WaterLog(LocalStore store) => Store = store;

    public LocalStore Store { get; }

    /// <summary>Opens the file; makes it where there is none.</summary>
    public static WaterLog Open(string file)
    {
        SystemSqlite.Use();
        if (!File.Exists(file))
        {
            using (var connection = SqliteFile.Open(file, new OpenOptions { CreateIfMissing = true }))
            {
                Run(connection, Schema);
            }

            Adopter.Adopt(file, new AdoptionOptions(), SyncEnvironment.System);
        }

        return new WaterLog(LocalStore.Open(file, new StoreOptions(), SyncEnvironment.System));
    }

    /// <summary>On the disk when the task ends, with the note that it has to be sent; whatever the other process does meanwhile.</summary>
    public Task AddAsync(string source, int millilitres, CancellationToken cancellationToken = default)
    {
        var (id, at) = (Guid.CreateVersion7().ToString(), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        return Store.WriteAsync(c => Run(c, "INSERT INTO drinks(id, source, at, ml) VALUES($1, $2, $3, $4)", id, source, at, millilitres), cancellationToken);
    }

    /// <summary>What was drunk so far, in litres, and again whenever that changes: here, in the other process, on another device.</summary>
    public IAsyncEnumerable<double> WatchLitresAsync(CancellationToken cancellationToken) =>
        Store.WatchAsync(c => Convert.ToDouble(Query(c, "SELECT coalesce(sum(ml), 0) FROM drinks", r => r.GetInt64(0))[0]) / 1000, cancellationToken: cancellationToken);

    /// <summary>Every glass once, as it comes into the file.</summary>
    public async IAsyncEnumerable<Drink> FollowAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var last = 0L;
        await foreach (var drinks in Store.WatchRowsAsync(c => After(c, last), cancellationToken))
        {
            foreach (var drink in drinks)
            {
                last = drink.Number;
                yield return drink;
            }
        }
    }

    public ValueTask DisposeAsync() => Store.DisposeAsync();

    private static List<Drink> After(SqliteConnection connection, long number) => Query(
        connection,
        "SELECT rowid, id, source, at, ml FROM drinks WHERE rowid > $1 ORDER BY rowid",
        r => new Drink(r.GetInt64(0), r.GetString(1), r.GetString(2), DateTimeOffset.FromUnixTimeMilliseconds(r.GetInt64(3)), r.GetInt32(4)),
        number);

    private static int Run(SqliteConnection connection, string sql, params object[] values)
    {
        using var command = Command(connection, sql, values);
        return command.ExecuteNonQuery();
    }

    private static List<T> Query<T>(SqliteConnection connection, string sql, Func<SqliteDataReader, T> row, params object[] values)
    {
        using var command = Command(connection, sql, values);
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
        {
            rows.Add(row(reader));
        }

        return rows;
    }

    private static SqliteCommand Command(SqliteConnection connection, string sql, object[] values)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters.AddWithValue($"${i + 1}", values[i]);
        }

        return command;
    }
}
