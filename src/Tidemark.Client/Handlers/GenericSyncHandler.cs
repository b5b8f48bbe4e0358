using Tidemark.Client.Storage;
using Tidemark.Model.Merging;
using Tidemark.Model.Values;

namespace Tidemark.Client.Handlers;

/// <summary>Serves every type that has no handler of its own: rows as they are, merges by the model's policies.</summary>
public class GenericSyncHandler : ISyncEntityHandler
{
    public virtual void Insert(StoreConnection db, EntityTable table, Row row)
    {
        ArgumentNullException.ThrowIfNull(table);
        table.Insert(db, row);
    }

    public virtual void Update(StoreConnection db, EntityTable table, Row row)
    {
        ArgumentNullException.ThrowIfNull(table);
        table.Update(db, row);
    }

    public virtual void Delete(StoreConnection db, EntityTable table, EntityKey key)
    {
        ArgumentNullException.ThrowIfNull(table);
        table.Delete(db, key);
    }

    public virtual MergeResult Merge(EntityTable table, Row? @base, Row local, Row remote, MergeContext context)
    {
        ArgumentNullException.ThrowIfNull(table);
        return EntityMerger.Merge(table.Type, @base, local, remote, context);
    }
}
