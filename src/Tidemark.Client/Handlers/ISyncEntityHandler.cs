using Tidemark.Client.Storage;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Client.Handlers;

/// <summary>
/// How rows of an entity type reach the app's table. Called inside the apply transaction, with capture off and foreign keys off;
/// what it throws as a <see cref="Tidemark.Sqlite.StoreException"/> of a constraint puts the one row aside.
/// </summary>
public interface ISyncEntityHandler
{
    void Insert(StoreConnection db, EntityTable table, Row row);

    void Update(StoreConnection db, EntityTable table, Row row);

    void Delete(StoreConnection db, EntityTable table, EntityKey key);

    /// <summary>Decides what becomes of an edit that was not sent yet, or was refused, when the remote shows another version of its row. Pure; the only time is the context's.</summary>
    ConflictResolution HandleConflict(ConflictInput input, MergeContext context);
}
