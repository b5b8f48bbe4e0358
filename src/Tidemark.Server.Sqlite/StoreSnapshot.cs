using Tidemark.Model.Entities;
using Tidemark.Model.Values;

namespace Tidemark.Server.Sqlite;

/// <summary>A read transaction on a pooled connection.</summary>
internal sealed class StoreSnapshot(ServerConnection db, SpaceId space, SyncModel? model, Action<ServerConnection> giveBack) : StoreReader(db, space, model)
{
    private bool _disposed;

    public override ValueTask DisposeAsync()
    {
        if (!_disposed)
        {
            _disposed = true;
            Db.Execute("ROLLBACK");
            giveBack(Db);
        }

        return ValueTask.CompletedTask;
    }
}
