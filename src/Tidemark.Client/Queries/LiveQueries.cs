using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;
using Tidemark.Client.Storage;

namespace Tidemark.Client.Queries;

/// <summary>Queries of a store that can be watched.</summary>
public static class LiveQueries
{
    /// <summary>
    /// The query's result now, and again after every commit - of this process, of the sync, of another process - that touched a table it read. Ends when the
    /// consumer does. A commit that wrote only other tables yields nothing; of tables that are not synced only a commit that changed the result is told.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="query">Reads one snapshot to the end; run again and again, on any thread. It must not keep prepared statements.</param>
    /// <param name="same">Are two results the same? Asked where a commit may not have touched the query. Default: the type's own equality.</param>
    /// <param name="cancellationToken">Ends the watch.</param>
    public static IAsyncEnumerable<T> WatchAsync<T>(this LocalStore store, Func<SqliteConnection, T> query, IEqualityComparer<T>? same = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(query);
        return new LiveQuery<T>(store, query, same ?? EqualityComparer<T>.Default).RunAsync(cancellationToken);
    }

    /// <summary>As <see cref="WatchAsync"/>, with the rows of a query; compared row by row with the equality of <typeparamref name="T"/> (a record, say).</summary>
    /// <param name="store">The store.</param>
    /// <param name="query">Reads the rows.</param>
    /// <param name="cancellationToken">Ends the watch.</param>
    public static IAsyncEnumerable<IReadOnlyList<T>> WatchRowsAsync<T>(this LocalStore store, Func<SqliteConnection, IReadOnlyList<T>> query, CancellationToken cancellationToken = default) =>
        WatchAsync(store, query, new SameRows<T>(), cancellationToken);

    /// <summary>
    /// The rows of a query as a list for a user interface: it follows the query with the fewest steps - insert, move, remove, replace, by key - raised on the
    /// synchronization context this is called on.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="query">Reads the rows in the order they are shown in.</param>
    /// <param name="key">What makes a row the same row. No two rows of a result may have the same.</param>
    public static LiveList<T, TKey> ToLiveList<T, TKey>(this LocalStore store, Func<SqliteConnection, IReadOnlyList<T>> query, Func<T, TKey> key)
        where TKey : notnull =>
        new(store.WatchRowsAsync(query), key, SynchronizationContext.Current);

    private sealed class SameRows<T> : IEqualityComparer<IReadOnlyList<T>>
    {
        public bool Equals(IReadOnlyList<T>? x, IReadOnlyList<T>? y) => x is not null && y is not null && x.SequenceEqual(y);

        public int GetHashCode([DisallowNull] IReadOnlyList<T> obj) => obj.Count;
    }
}
