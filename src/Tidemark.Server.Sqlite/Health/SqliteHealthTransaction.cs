using Tidemark.Model.Health;
using Tidemark.Server.Health;

namespace Tidemark.Server.Sqlite.Health;

internal sealed class SqliteHealthTransaction(HealthRows rows, long space, Action ended) : IHealthTransaction
{
    private bool _isOpen = true;

    public ValueTask<IReadOnlyDictionary<Guid, StoredHealth>> FindAsync(IReadOnlyCollection<Guid> ids, CancellationToken cancellationToken) =>
        ValueTask.FromResult(SqliteHealthStore.Guarded<IReadOnlyDictionary<Guid, StoredHealth>>(() =>
        {
            var known = new Dictionary<Guid, StoredHealth>();
            foreach (var id in ids)
            {
                if (rows.Find(space, id) is { } stored)
                {
                    known[id] = stored;
                }
            }

            return known;
        }));

    public ValueTask PutAsync(IReadOnlyList<HealthSample> samples, long receivedMs, CancellationToken cancellationToken)
    {
        SqliteHealthStore.Guarded(() =>
        {
            foreach (var sample in samples)
            {
                rows.Put(space, sample, receivedMs);
            }

            return true;
        });
        return ValueTask.CompletedTask;
    }

    public ValueTask DeleteAsync(IReadOnlyList<HealthDelete> deletes, long receivedMs, CancellationToken cancellationToken)
    {
        SqliteHealthStore.Guarded(() =>
        {
            foreach (var delete in deletes)
            {
                rows.Delete(space, delete, receivedMs);
            }

            return true;
        });
        return ValueTask.CompletedTask;
    }

    public ValueTask CommitAsync(CancellationToken cancellationToken)
    {
        SqliteHealthStore.Guarded(() =>
        {
            rows.Commit();
            return true;
        });
        _isOpen = false;
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        try
        {
            if (_isOpen)
            {
                rows.Rollback();
            }
        }
        finally
        {
            ended();
        }

        return ValueTask.CompletedTask;
    }
}
