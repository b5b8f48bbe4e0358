using Microsoft.Data.Sqlite;
using Tidemark.Client.Adoption;
using Tidemark.Client.Environment;
using Tidemark.Client.Queries;
using Tidemark.Client.Storage;
using Tidemark.Sqlite;
using Tidemark.Testing;

namespace Tidemark.Client.Tests.Queries;

/// <summary>A store on a clock of its own, another connection to its file, and a watched query whose runs are counted.</summary>
internal sealed class Watching : IAsyncDisposable
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly TempFolder _folder = new();

    public Watching(string sql)
    {
        SystemSqlite.Use();
        var path = _folder.File("store.db");
        using (var connection = SqliteFile.Open(path, new OpenOptions { CreateIfMissing = true, Checkpoints = true }))
        {
            connection.Run(sql);
        }

        Adopter.Adopt(path, new AdoptionOptions { Exclude = sql.Contains("TABLE draft", StringComparison.Ordinal) ? ["draft"] : [] }, SyncEnvironment.System);
        Store = LocalStore.Open(path, new StoreOptions(), new SyncEnvironment
        {
            Time = Time,
            Random = SyncEnvironment.System.Random,
            Transport = SyncEnvironment.System.Transport,
            ProcessName = SyncEnvironment.System.ProcessName,
            IsAlive = SyncEnvironment.System.IsAlive,
        });
        Other = SqliteFile.Open(path, new OpenOptions());
    }

    public VirtualTime Time { get; } = new();

    public LocalStore Store { get; }

    /// <summary>A connection that Tidemark knows nothing of, as another process has it.</summary>
    public SqliteConnection Other { get; }

    public Watched<T> Watch<T>(Func<SqliteConnection, T> query) => new(Store, query);

    public Watched<string> Watch(string sql) => Watch(c => string.Join(' ', c.Query(sql).Select(r => r[0].ToString())));

    public Task WriteAsync(string sql) => Store.WriteAsync(c =>
    {
        c.Run(sql);
        return true;
    });

    public async ValueTask DisposeAsync()
    {
        Other.Dispose();
        await Store.DisposeAsync();
        _folder.Dispose();
    }
}

/// <summary>The results of a query, taken one by one.</summary>
internal sealed class Watched<T> : IAsyncDisposable
{
    private readonly IAsyncEnumerator<T> _results;
    private int _runs;

    public Watched(LocalStore store, Func<SqliteConnection, T> query)
    {
        _results = store.WatchAsync(c =>
        {
            Interlocked.Increment(ref _runs);
            return query(c);
        }).GetAsyncEnumerator();
    }

    /// <summary>How often the query was run.</summary>
    public int Runs => Volatile.Read(ref _runs);

    public async Task<T> NextAsync()
    {
        Assert.True(await _results.MoveNextAsync().AsTask().WaitAsync(Watching.Deadline), "The store was closed.");
        return _results.Current;
    }

    public ValueTask DisposeAsync() => _results.DisposeAsync();
}
