using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;
using Tidemark.Client.Storage;
using Tidemark.Sqlite;

namespace Tidemark.Client.Queries;

/// <summary>
/// A query that yields its result, and again after every commit that touched the tables it read. The result carries what its snapshot has seen, so nothing that is
/// committed between the read and the wait is missed, and nothing is yielded twice. What is committed while it runs, or while the consumer is busy, is one more run.
/// </summary>
internal sealed class LiveQuery<T>(LocalStore store, Func<SqliteConnection, T> query, IEqualityComparer<T> same)
{
    public async IAsyncEnumerable<T> RunAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var changes = store.Changes;
        using var watch = await changes.WatchAsync(cancellationToken).ConfigureAwait(false);
        var last = await ReadAsync(cancellationToken).ConfigureAwait(false);
        yield return last.Value;
        while (true)
        {
            for (var state = changes.State; !last.IsStale(state); state = changes.State)
            {
                if (state.IsClosed)
                {
                    yield break;
                }

                await state.Next.WaitAsync(cancellationToken).ConfigureAwait(false);
            }

            var next = await ReadAsync(cancellationToken).ConfigureAwait(false);
            var isNews = last.IsTouchedBefore(next) || !same.Equals(last.Value, next.Value);
            last = next;
            if (isNews)
            {
                yield return next.Value;
            }
        }
    }

    private Task<Result> ReadAsync(CancellationToken cancellationToken)
    {
        // Known before the snapshot begins, so the snapshot has seen at least that much.
        var known = store.Changes.State;
        return store.ReadAsync(
            connection =>
            {
                var mark = StoreMark.Read(connection, known.Mark);
                var names = new SortedSet<string>(StringComparer.OrdinalIgnoreCase);
                var value = ReadTables.Collect(connection, names, query);
                var types = new List<int>();
                var hasOthers = false;
                foreach (var name in names)
                {
                    if (store.Changes.Tables.TryGetValue(name, out var type))
                    {
                        types.Add(store.EngineSession.FindTable(type)!.Number);
                    }
                    else
                    {
                        hasOthers |= connection.Scalar("SELECT EXISTS(SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE)", Tidemark.Model.Values.Value.Text(name)).AsInteger != 0;
                    }
                }

                return new Result(value, mark, known.Commits, [.. types], hasOthers);
            },
            cancellationToken);
    }

    /// <param name="Value">What the query returned.</param>
    /// <param name="Mark">What its snapshot has seen.</param>
    /// <param name="Commits">Commits that were known when it began.</param>
    /// <param name="Types">The synced tables it read.</param>
    /// <param name="ReadsOthers">It read a table that is not synced: nobody notes what is written there.</param>
    private sealed record Result(T Value, StoreMark Mark, long Commits, int[] Types, bool ReadsOthers)
    {
        public bool IsStale(StoreState state) =>
            (ReadsOthers && state.Commits > Commits) || Array.Exists(Types, type => Mark.IsTouched(type, state.Mark));

        public bool IsTouchedBefore(Result next) => Array.Exists(Types, type => Mark.IsTouched(type, next.Mark));
    }
}
